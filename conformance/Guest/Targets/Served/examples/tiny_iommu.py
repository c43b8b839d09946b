#!/usr/bin/env python3
"""A virtio-iommu over virtio-mmio, small enough to read in one go, served to the conformance suite:

    conformance --target 'exec:python3 conformance/Guest/Targets/Served/examples/tiny_iommu.py'

The end of this file is all that an adapter is: put your own device in the place of Device. README.md one folder up has the protocol.
"""
import mmap
import struct
import sys

BASE = 0x0A000000                                       # where the registers are
VERSION_1, MAP_UNMAP, BYPASS_CONFIG = 1 << 32, 1 << 2, 1 << 6
OFFERED = VERSION_1 | MAP_UNMAP | BYPASS_CONFIG
ENDPOINTS = (0x20, 0x28)
OK, INVAL, RANGE, NOENT = 0, 4, 5, 6                    # virtio_iommu_req_tail.status
DRIVER_OK, FEATURES_OK, NEEDS_RESET = 4, 8, 64


class Device:
    def __init__(self):
        self.bypass = 1                                 # of the configuration: a device reset leaves it alone
        self.reset()

    def reset(self):
        self.regs = {}                                  # what was written, by offset; those of queues by (offset, queue)
        self.status = self.interrupt = self.features = 0
        self.seen = 0                                   # entries taken from the available ring
        self.domains, self.attached = {}, {}            # domain -> [(first, last, physical, flags)]; endpoint -> domain

    # registers: virtio 1.4, 4.2.2

    def read(self, offset, width):
        if offset >= 0x100:
            config = struct.pack("<QQQIIIB3x", 0xFFFFFFFFFFFFF000, 0, 2**64 - 1, 0, 2**32 - 1, 0, self.bypass)
            return int.from_bytes(config[offset - 0x100:][:width], "little")
        queue = self.regs.get(0x30, 0)
        return {
            0x00: 0x74726976, 0x04: 2, 0x08: 23, 0x0C: 0x1AF4,
            0x10: OFFERED >> 32 * self.regs.get(0x14, 0) & 0xFFFFFFFF if self.regs.get(0x14, 0) < 2 else 0,
            0x34: 64 if queue < 2 else 0, 0x44: self.regs.get((0x44, queue), 0),
            0x60: self.interrupt, 0x70: self.status,
            0xB0: 0xFFFFFFFF, 0xB4: 0xFFFFFFFF, 0xB8: 0xFFFFFFFF, 0xBC: 0xFFFFFFFF,  # no shared memory
        }.get(offset, 0)

    def write(self, offset, width, value):
        if offset == 0x100 + 36 and width == 1:
            self.bypass = value & 1
        elif offset == 0x20 and self.regs.get(0x24, 0) < 2 and not self.status & FEATURES_OK:
            shift = 32 * self.regs.get(0x24, 0)
            self.features = self.features & ~(0xFFFFFFFF << shift) | value << shift
        elif offset == 0x50 and value < 2 and self.status & DRIVER_OK and not self.status & NEEDS_RESET:
            self.notified(value)
        elif offset == 0x64:
            self.interrupt &= ~value
        elif offset == 0x70 and value == 0:
            self.reset()
        elif offset == 0x70:
            acceptable = self.features & VERSION_1 and not self.features & ~OFFERED
            self.status = value if acceptable else value & ~FEATURES_OK
        elif offset in (0x14, 0x24, 0x30):
            self.regs[offset] = value
        else:
            self.regs[offset, self.regs.get(0x30, 0)] = value

    # the request queue, a split ring: 2.7

    def notified(self, queue):
        if queue != 0 or not self.regs.get((0x44, 0)):
            return                                      # this device reports no faults, so event buffers stay where they are
        try:
            self.serve(*(self.regs.get((at, 0), 0) | self.regs.get((at + 4, 0), 0) << 32 for at in (0x80, 0x90, 0xA0)))
        except (IndexError, ValueError, struct.error):  # a ring or a buffer that is none: 2.1.2
            self.status |= NEEDS_RESET
            self.interrupt |= 2

    def serve(self, desc, avail, used):
        size = self.regs.get((0x38, 0), 64)
        flags, index = struct.unpack_from("<HH", ram, avail)
        while self.seen != index:
            head, = struct.unpack_from("<H", ram, avail + 4 + 2 * (self.seen % size))
            request, writable, at = b"", [], head
            for _ in range(size):
                address, length, bits, at_next = struct.unpack_from("<QIHH", ram, desc + 16 * at)
                if at >= size or address + length > len(ram):
                    raise IndexError
                if bits & 2:
                    writable += range(address, address + length)
                else:
                    request += ram[address:address + length]
                at = at_next
                if not bits & 1:
                    break
            else:
                raise IndexError
            status = self.handle(request) if len(writable) >= 4 else None
            reply = b"" if status is None else bytes([status, 0, 0, 0])
            for place, value in zip(writable, reply):
                ram[place] = value
            struct.pack_into("<II", ram, used + 4 + 8 * (self.seen % size), head, len(reply))
            self.seen = (self.seen + 1) & 0xFFFF
            struct.pack_into("<H", ram, used + 2, self.seen)
        if not flags & 1:
            self.interrupt |= 1

    # requests: 5.13.6

    def handle(self, request):
        """The status of a request; None for one that goes back unwritten, as those of unknown type do."""
        kind, body = request[0], request[4:]
        if kind == 1 and len(body) >= 16:               # ATTACH
            domain, endpoint, flags, reserved = struct.unpack_from("<IIII", body)
            bypass = bool(flags & 1)
            if reserved or flags & ~1 or domain in self.domains and (self.domains[domain] is None) != bypass:
                return INVAL
            if endpoint not in ENDPOINTS:
                return NOENT
            mappings = self.domains.get(domain, None if bypass else [])
            self.detach(endpoint)
            self.domains[domain] = mappings
            self.attached[endpoint] = domain
            return OK
        if kind == 2 and len(body) >= 8:                # DETACH
            domain, endpoint = struct.unpack_from("<II", body)
            if endpoint not in ENDPOINTS:
                return NOENT
            return INVAL if self.attached.get(endpoint) != domain else self.detach(endpoint)
        if kind == 3 and len(body) >= 32:               # MAP
            domain, first, last, physical, flags = struct.unpack_from("<IQQQI", body)
            if flags & ~7 or domain in self.domains and self.domains[domain] is None:
                return INVAL
            if (first | last + 1 | physical) & 0xFFF:
                return RANGE
            if domain not in self.domains:
                return NOENT
            if any(first <= m[1] and m[0] <= last for m in self.domains[domain]):
                return INVAL
            self.domains[domain].append((first, last, physical, flags))
            return OK
        if kind == 4 and len(body) >= 20:               # UNMAP
            domain, first, last = struct.unpack_from("<IQQ", body)
            if domain not in self.domains:
                return NOENT
            mappings = self.domains[domain]
            if mappings is None:
                return INVAL
            if any(m[0] < first <= m[1] or m[0] <= last < m[1] for m in mappings):
                return RANGE
            self.domains[domain] = [m for m in mappings if not first <= m[0] <= last]
            return OK
        return None

    def detach(self, endpoint):
        domain = self.attached.pop(endpoint, None)
        if domain not in self.attached.values():
            self.domains.pop(domain, None)
        return OK

    def translate(self, endpoint, address, flag):
        mappings = self.domains[self.attached[endpoint]] if endpoint in self.attached else None if self.bypass else []
        if mappings is None:
            return address
        return next((m[2] + address - m[0] for m in mappings if m[0] <= address <= m[1] and m[3] & flag), None)

    def dma(self, endpoint, address, count, flag, move):
        """Moves bytes one at a time; how many went through."""
        for i in range(count):
            at = self.translate(endpoint, address + i, flag)
            if at is None or at >= len(ram):
                return i
            move(i, at)
        return count


# the adapter: one line in, one line out

def answer(command, *words):
    global ram, device
    if command == "hello":
        places = ",".join(map(hex, ENDPOINTS))
        return f"OK 1 name=tiny version=1.0 device=mmio:{BASE:#x} endpoints={places} can=reset time=virtual"
    if command == "start":                              # the path is the rest of the line
        with open(" ".join(words[1:]), "r+b") as file:
            ram, device = mmap.mmap(file.fileno(), int(words[0], 16)), Device()
        return "OK"
    if command == "read":
        value = device.read(int(words[1], 16) - BASE, int(words[2]))
        return f"OK {value & (1 << 8 * int(words[2])) - 1:#x}"
    if command == "write":
        device.write(int(words[1], 16) - BASE, int(words[2]), int(words[3], 16))
        return "OK"
    if command == "reset":
        device = Device()
        return "OK"
    if command == "dma" and words[1] == "read":
        data = bytearray(int(words[3], 16))
        done = device.dma(int(words[0], 16), int(words[2], 16), len(data), 1, lambda i, at: data.__setitem__(i, ram[at]))
        return f"{'OK' if done == len(data) else 'FAULT'} {data[:done].hex()}".rstrip()
    if command == "dma":
        data = bytes.fromhex(words[3])
        done = device.dma(int(words[0], 16), int(words[2], 16), len(data), 2, lambda i, at: ram.__setitem__(at, data[i]))
        return "OK" if done == len(data) else "FAULT"
    return f"ERR {command} is not offered"


for line in sys.stdin:
    print(answer(*line.split()), flush=True)
