// A virtio-iommu over virtio-mmio in C, the same as tiny_iommu.py, served to the conformance suite and to the fuzzer:
//
//     cc -O2 -o tiny_iommu conformance/Guest/Targets/Served/examples/tiny_iommu.c
//     conformance --target exec:./tiny_iommu
//
// Built by afl-clang-fast it counts its edges where 'fuzz run sequence --device exec:./tiny_iommu --coverage afl' sees them.
// The end of this file is all that an adapter is: put your own device in the place of the functions above it.
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BASE UINT64_C(0x0A000000) // where the registers are
#define QUEUE_SIZE 64
#define PAGE_MASK UINT64_C(0xFFF)

static const uint64_t offered = UINT64_C(1) << 32 | 1 << 2 | 1 << 6; // VERSION_1, MAP_UNMAP, BYPASS_CONFIG
static const uint32_t endpoints[] = {0x20, 0x28};
enum { OK = 0, INVAL = 4, RANGE = 5, NOENT = 6, UNANSWERED = -1 };   // virtio_iommu_req_tail.status
enum { DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 64 };

struct mapping { uint64_t first, last, physical; uint32_t flags; struct mapping *next; };
struct domain { uint32_t id; int attached; bool bypass; struct mapping *mappings; struct domain *next; };
struct queue { uint32_t size, ready, low[3], high[3]; };             // descriptor table, available ring, used ring

static uint8_t *ram, bypass = 1;                                     // of the configuration: a device reset leaves it alone
static uint64_t ram_size, features;
static uint32_t status, interrupt, device_word, driver_word, selected;
static uint16_t seen;                                                // entries taken from the available ring
static struct queue queues[2];
static struct domain *domains, *attachment[2];

// domains

static struct domain **find(uint32_t id) {
    struct domain **at = &domains;
    while (*at && (*at)->id != id) at = &(*at)->next;
    return at;
}

static void detach(int endpoint) {
    struct domain *domain = attachment[endpoint];
    attachment[endpoint] = NULL;
    if (!domain || --domain->attached > 0) return;
    *find(domain->id) = domain->next;
    for (struct mapping *next, *mapping = domain->mappings; mapping; mapping = next) {
        next = mapping->next;
        free(mapping);
    }
    free(domain);
}

static int number_of(uint32_t endpoint) {
    for (int i = 0; i < 2; i++)
        if (endpoints[i] == endpoint) return i;
    return -1;
}

// requests: 5.13.6

static int attach(uint32_t id, uint32_t endpoint, uint32_t flags, uint32_t reserved) {
    struct domain *domain = *find(id);
    int number = number_of(endpoint);
    if (reserved || flags & ~1u || (domain && domain->bypass != (flags & 1))) return INVAL;
    if (number < 0) return NOENT;
    if (domain && domain == attachment[number]) return OK;
    detach(number);
    if (!domain) {
        domain = calloc(1, sizeof *domain);
        *domain = (struct domain){.id = id, .bypass = flags & 1, .next = domains};
        domains = domain;
    }
    domain->attached++;
    attachment[number] = domain;
    return OK;
}

static int map(uint32_t id, uint64_t first, uint64_t last, uint64_t physical, uint32_t flags) {
    struct domain *domain = *find(id);
    if (flags & ~7u || (domain && domain->bypass)) return INVAL;
    if ((first | (last + 1) | physical) & PAGE_MASK) return RANGE;
    if (!domain) return NOENT;
    for (struct mapping *other = domain->mappings; other; other = other->next)
        if (first <= other->last && other->first <= last) return INVAL;
    struct mapping *mapping = malloc(sizeof *mapping);
    *mapping = (struct mapping){first, last, physical, flags, domain->mappings};
    domain->mappings = mapping;
    return OK;
}

static int unmap(uint32_t id, uint64_t first, uint64_t last) {
    struct domain *domain = *find(id);
    if (!domain) return NOENT;
    if (domain->bypass) return INVAL;
    for (struct mapping *mapping = domain->mappings; mapping; mapping = mapping->next)
        if ((mapping->first < first && first <= mapping->last) || (mapping->first <= last && last < mapping->last)) return RANGE;
    for (struct mapping **at = &domain->mappings; *at;) {
        struct mapping *mapping = *at;
        if (first <= mapping->first && mapping->first <= last) {
            *at = mapping->next;
            free(mapping);
        } else {
            at = &mapping->next;
        }
    }
    return OK;
}

// The status of a request; UNANSWERED for one that goes back unwritten, as those of unknown type do.
static int handle(const uint8_t *request, uint32_t length) {
    uint32_t word[2];
    uint64_t address[3];
    if (length < 4) return UNANSWERED;
    memcpy(word, request + 4, length >= 12 ? 8 : 0);
    if (request[0] == 1 && length >= 20) {
        uint32_t rest[2];
        memcpy(rest, request + 12, sizeof rest);
        return attach(word[0], word[1], rest[0], rest[1]);
    }
    if (request[0] == 2 && length >= 12) {
        int number = number_of(word[1]);
        if (number < 0) return NOENT;
        if (!attachment[number] || attachment[number]->id != word[0]) return INVAL;
        detach(number);
        return OK;
    }
    if (request[0] == 3 && length >= 36) {
        uint32_t flags;
        memcpy(address, request + 8, sizeof address);
        memcpy(&flags, request + 32, sizeof flags);
        return map(word[0], address[0], address[1], address[2], flags);
    }
    if (request[0] == 4 && length >= 24) {
        memcpy(address, request + 8, 2 * sizeof *address);
        return unmap(word[0], address[0], address[1]);
    }
    return UNANSWERED;
}

// the request queue, a split ring: 2.7

static bool lies_in_ram(uint64_t address, uint64_t length) { return length <= ram_size && address <= ram_size - length; }

static uint64_t place_of(const struct queue *queue, int area) { return queue->low[area] | (uint64_t)queue->high[area] << 32; }

// False where the ring, or a buffer in it, is none: 2.1.2
static bool serve(const struct queue *queue) {
    uint64_t table = place_of(queue, 0), available = place_of(queue, 1), used = place_of(queue, 2);
    if (!lies_in_ram(table, 16ull * queue->size) || !lies_in_ram(available, 4 + 2ull * queue->size) || !lies_in_ram(used, 4 + 8ull * queue->size)) return false;
    for (uint16_t index; memcpy(&index, ram + available + 2, 2), seen != index;) {
        static uint8_t request[64];                                  // as much of it as any request has
        uint16_t head, at;
        uint32_t readable = 0, room = 0, written = 0;
        uint64_t tail[4];                                            // where the first writable bytes are
        memcpy(&head, ram + available + 4 + 2 * (seen % queue->size), 2);
        at = head;
        for (uint32_t links = 0, more = 1; more; links++) {
            struct { uint64_t address; uint32_t length; uint16_t flags, next; } descriptor;
            if (links == queue->size || at >= queue->size) return false;
            memcpy(&descriptor, ram + table + 16 * at, 16);
            if (!lies_in_ram(descriptor.address, descriptor.length)) return false;
            for (uint32_t i = 0; descriptor.flags & 2 && i < descriptor.length && room < 4; i++) tail[room++] = descriptor.address + i;
            for (uint32_t i = 0; !(descriptor.flags & 2) && i < descriptor.length && readable < sizeof request; i++) request[readable++] = ram[descriptor.address + i];
            more = descriptor.flags & 1;
            at = descriptor.next;
        }
        int answer = room == 4 ? handle(request, readable) : UNANSWERED;
        for (; answer != UNANSWERED && written < 4; written++) ram[tail[written]] = written ? 0 : answer;
        uint32_t element[2] = {head, written};
        memcpy(ram + used + 4 + 8 * (seen % queue->size), element, sizeof element);
        seen++;
        memcpy(ram + used + 2, &seen, 2);
    }
    if (!(ram[available] & 1)) interrupt |= 1;
    return true;
}

// registers: 4.2.2

static void reset(void) {
    for (int i = 0; i < 2; i++) detach(i);
    memset(queues, 0, sizeof queues);
    status = interrupt = device_word = driver_word = selected = 0;
    features = seen = 0;
}

static uint64_t read_register(uint64_t offset, uint64_t width) {
    struct queue *queue = selected < 2 ? &queues[selected] : NULL;
    if (offset >= 0x100) {                                           // struct virtio_iommu_config
        uint64_t fields[] = {~PAGE_MASK, 0, UINT64_MAX, (uint64_t)UINT32_MAX << 32, (uint64_t)bypass << 32}, value = 0;
        if (offset - 0x100 + width <= sizeof fields) memcpy(&value, (uint8_t *)fields + offset - 0x100, width);
        return value;
    }
    switch (offset) {
    case 0x00: return 0x74726976;
    case 0x04: return 2;
    case 0x08: return 23;
    case 0x0C: return 0x1AF4;
    case 0x10: return device_word < 2 ? (uint32_t)(offered >> 32 * device_word) : 0;
    case 0x34: return queue ? QUEUE_SIZE : 0;
    case 0x44: return queue ? queue->ready : 0;
    case 0x60: return interrupt;
    case 0x70: return status;
    case 0xB0: case 0xB4: case 0xB8: case 0xBC: return UINT32_MAX;   // no shared memory
    default: return 0;
    }
}

static void write_register(uint64_t offset, uint64_t width, uint32_t value) {
    struct queue *queue = selected < 2 ? &queues[selected] : NULL;
    if (offset == 0x100 + 36 && width == 1) bypass = value & 1;
    else if (offset == 0x14) device_word = value;
    else if (offset == 0x24) driver_word = value;
    else if (offset == 0x30) selected = value;
    else if (offset == 0x20 && driver_word < 2 && !(status & FEATURES_OK))
        features = (features & ~((uint64_t)UINT32_MAX << 32 * driver_word)) | (uint64_t)value << 32 * driver_word;
    else if (offset == 0x50 && value == 0 && status & DRIVER_OK && !(status & NEEDS_RESET) && queues[0].ready) {
        if (!serve(&queues[0])) {                                    // this device reports no faults, so event buffers stay where they are
            status |= NEEDS_RESET;
            interrupt |= 2;
        }
    }
    else if (offset == 0x64) interrupt &= ~value;
    else if (offset == 0x70 && value == 0) reset();
    else if (offset == 0x70) status = features >> 32 & 1 && !(features & ~offered) ? value : value & ~(uint32_t)FEATURES_OK;
    else if (!queue) return;
    else if (offset == 0x38 && value && value <= QUEUE_SIZE) queue->size = value;
    else if (offset == 0x44) queue->ready = value;
    else if (offset >= 0x80 && offset < 0xB0 && offset % 0x10 == 0) queue->low[(offset - 0x80) / 0x10] = value;
    else if (offset >= 0x80 && offset < 0xB0 && offset % 0x10 == 4) queue->high[(offset - 0x80) / 0x10] = value;
}

// The byte of guest memory that an endpoint reaches at an address, if it may.
static uint8_t *translate(int number, uint64_t address, uint32_t flag) {
    struct domain *domain = attachment[number];
    if (domain ? !domain->bypass : !bypass) {
        struct mapping *mapping = domain ? domain->mappings : NULL;
        while (mapping && (address < mapping->first || address > mapping->last || !(mapping->flags & flag))) mapping = mapping->next;
        if (!mapping) return NULL;
        address = mapping->physical + (address - mapping->first);
    }
    return address < ram_size ? ram + address : NULL;
}

// the adapter: one line in, one line out

static bool start(uint64_t size, const char *path) {
    int file = open(path, O_RDWR);
    ram = file < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ram_size = size;
    return ram != MAP_FAILED;
}

static void dma(int number, const char *direction, uint64_t address, const char *what) {
    bool is_read = !strcmp(direction, "read");
    size_t count = is_read ? strtoull(what, NULL, 16) : strlen(what) / 2, done = 0;
    char bytes[2 * 4096 + 1] = "";
    for (uint8_t *at; done < count && (at = translate(number, address + done, is_read ? 1 : 2)); done++) {
        if (is_read) sprintf(bytes + 2 * done, "%02x", *at);
        else sscanf(what + 2 * done, "%2" SCNx8, at);
    }
    printf("%s%s%s\n", done == count ? "OK" : "FAULT", is_read && done ? " " : "", bytes);
}

static void answer(char *line) {
    char direction[8], what[2 * 4096 + 1];
    uint64_t address, width, value;
    uint32_t endpoint;
    int path;
    if (!strncmp(line, "hello ", 6)) {
        printf("OK 1 name=tiny version=1.0 device=mmio:%#" PRIx64 " endpoints=%#x,%#x can=reset time=virtual\n", BASE, endpoints[0], endpoints[1]);
    } else if (sscanf(line, "start %" SCNx64 " %n", &value, &path) == 1) {
        puts(start(value, line + path) ? "OK" : "ERR guest memory cannot be mapped");
    } else if (sscanf(line, "read mmio %" SCNx64 " %" SCNu64, &address, &width) == 2) {
        value = read_register(address - BASE, width);
        printf("OK 0x%" PRIx64 "\n", width < 8 ? value & ((UINT64_C(1) << 8 * width) - 1) : value);
    } else if (sscanf(line, "write mmio %" SCNx64 " %" SCNu64 " %" SCNx64, &address, &width, &value) == 3) {
        write_register(address - BASE, width, value);
        puts("OK");
    } else if (sscanf(line, "dma %" SCNx32 " %7s %" SCNx64 " %8192s", &endpoint, direction, &address, what) == 4) {
        if (number_of(endpoint) < 0) puts("ERR there is no such endpoint");
        else dma(number_of(endpoint), direction, address, what);
    } else if (!strcmp(line, "reset")) {
        reset();
        bypass = 1;
        puts("OK");
    } else {
        puts("ERR this is not offered");
    }
}

int main(void) {
    static char line[3 * 4096];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        answer(line);
        fflush(stdout);
    }
}
