using System.Buffers.Binary;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Driver;

/// <summary>A virtio-iommu driver that has its device running: requests go out and come back, fault reports are taken in.</summary>
public sealed class IommuDriver
{
    /// <summary>Number of the request queue (5.13.2).</summary>
    public const int RequestQueueNumber = 0;

    /// <summary>Number of the event queue (5.13.2).</summary>
    public const int EventQueueNumber = 1;

    // Large enough to wrap seldom, small enough to be laid out for every check.
    private const ushort LargestQueue = 256;

    private const uint LargestProbe = 1 << 20;

    // While a request is waited for, the ring is looked at this often for each look at the device status.
    private const int LooksAtRing = 32;

    private readonly Dictionary<ushort, Exchange> outstanding = [];
    private readonly Dictionary<ushort, GuardedBuffer> postedEvents = [];

    private IommuDriver(Machine machine, ulong negotiated, DriverQueue requests, DriverQueue events)
    {
        Machine = machine;
        Negotiated = negotiated;
        Requests = requests;
        Events = events;
        Config = machine.ReadConfig();
    }

    /// <summary>Where the device is.</summary>
    public Machine Machine { get; }

    /// <summary>Features negotiated.</summary>
    public ulong Negotiated { get; }

    /// <summary>The request queue.</summary>
    public DriverQueue Requests { get; private set; }

    /// <summary>The event queue.</summary>
    public DriverQueue Events { get; }

    /// <summary>The configuration as it was when the driver started.</summary>
    public IommuConfig Config { get; }

    /// <summary>True where the device said then that endpoints without a domain are in bypass mode; bits 1 to 7 mean nothing (5.13.4.1).</summary>
    public bool IsBypassed => (Config.Bypass & 1) != 0;

    private IVirtioTransport Transport => Machine.Transport;

    private IGuestRam Ram => Machine.Target.Ram;

    /// <summary>
    /// Takes every step of 3.1.1 from the reset to DRIVER_OK; where the device does not go along, sets FAILED and throws
    /// <see cref="GuestSetupException"/>.
    /// </summary>
    public static IommuDriver Start(Machine machine, DriverSettings? settings = null)
    {
        settings ??= new DriverSettings();
        Negotiation.Begin(machine);
        var driver = Negotiation.OrFail(machine, () => SetUp(machine, settings));
        Negotiation.SetDriverOk(machine);
        for (var i = 0; i < Math.Min(settings.EventBuffers, driver.Events.Size); i++) driver.PostEventBuffer(FaultReport.Size);
        return driver;
    }

    private static IommuDriver SetUp(Machine machine, DriverSettings settings)
    {
        var offered = machine.ReadOfferedFeatures();
        var missing = settings.Require & ~offered;
        if (missing != 0) throw new GuestSetupException($"the device does not offer {Features.Describe(missing)}");
        if (machine.Transport.ConfigLength < IommuConfig.LengthWith(offered))
            throw new GuestSetupException($"the configuration of {machine.Transport.ConfigLength} bytes is too small for {Features.Describe(offered & Features.IommuChapter)}");
        var features = machine.Acceptable(offered, settings.Accept);
        if (!Negotiation.Offer(machine, features)) throw new GuestSetupException($"the device refuses features 0x{features:x}");
        return Prepare(machine, features, settings);
    }

    /// <summary>Sets the queues up after FEATURES_OK, and leaves DRIVER_OK to the caller, and with <paramref name="enableQueues"/> false their enabling as well.</summary>
    public static IommuDriver Prepare(Machine machine, ulong features, DriverSettings settings, bool enableQueues = true)
    {
        var requests = SetUpQueue(machine, RequestQueueNumber, features, settings.RequestQueueSize);
        var events = SetUpQueue(machine, EventQueueNumber, features, null);
        if (!machine.Transport.RouteNotifications(settings.Notifications, machine.Heap.AllocateZeroed(16, 16)))
            throw new GuestSetupException($"the device cannot notify by {settings.Notifications}");
        if (enableQueues)
        {
            machine.Transport.EnableQueue(RequestQueueNumber);
            machine.Transport.EnableQueue(EventQueueNumber);
        }
        return new IommuDriver(machine, features, requests, events);
    }

    /// <summary>True where every bit of <paramref name="features"/> was negotiated.</summary>
    public bool Has(ulong features) => (Negotiated & features) == features;

    /// <summary>Sends a request and waits for it to come back. One that does not in time is returned as it is.</summary>
    public Exchange Send(Request request, Framing? framing = null)
    {
        var exchange = Submit(request, framing);
        Collect();
        return exchange;
    }

    /// <summary>Makes requests available all at once, notifies, and waits for all of them.</summary>
    public IReadOnlyList<Exchange> SendTogether(IEnumerable<Request> requests)
    {
        var since = Requests.Position;
        var exchanges = requests.Select(request => MakeAvailable(request, Framing.Plain)).ToList();
        NotifyIfWanted(Requests, since);
        Collect();
        return exchanges;
    }

    /// <summary>Makes a request available and notifies the device as it wishes to be; does not wait.</summary>
    public Exchange Submit(Request request, Framing? framing = null)
    {
        var since = Requests.Position;
        var exchange = MakeAvailable(request, framing ?? Framing.Plain);
        NotifyIfWanted(Requests, since);
        return exchange;
    }

    /// <summary>Makes a request available without notifying.</summary>
    public Exchange MakeAvailable(Request request, Framing framing)
    {
        var sent = request.Encode();
        var readable = Lend(sent, framing.Readable);
        var writable = Framing.Cut(request.WritableLength, framing.Writable)
            .Select(length => GuardedBuffer.Poisoned(Ram, Machine.Heap, length)).ToArray();
        BufferElement[] elements = [.. readable.Select(b => Element(b, isWritable: false)), .. writable.Select(b => Element(b, isWritable: true))];
        var chain = Requests.Lend(elements, Math.Min(framing.Indirect, elements.Length), length => Machine.Heap.Allocate((ulong)(length * Descriptor.Size), 16));

        var exchange = new Exchange(request, sent, readable, writable, chain);
        Machine.Journal.Add(exchange);
        // The device goes by the bytes, whatever made them.
        if (sent.Length >= 8 && sent[0] == RequestType.Attach) Machine.DomainsNamed.Add(BinaryPrimitives.ReadUInt32LittleEndian(sent.AsSpan(4)));
        outstanding[chain] = exchange;
        return exchange;
    }

    /// <summary>
    /// Waits until nothing is outstanding, and takes what has come back. A device that neither returns a request nor asks for a reset,
    /// and makes no progress for as long as <see cref="Machine.Patience"/>, hangs: <see cref="TargetHungException"/>. How long it takes
    /// otherwise is its own affair.
    /// </summary>
    public void Collect()
    {
        var looks = 0;
        int left;
        do
        {
            left = outstanding.Count;
            if (Machine.Await(NothingIsToCome) && outstanding.Count == 0) return;
        }
        while (outstanding.Count < left);
        foreach (var exchange in outstanding.Values) exchange.Inspect();
        if (!NeedsReset())
            throw new TargetHungException($"the device did not return {outstanding.Values.First().Request} within {Machine.Patience.TotalSeconds} s", Machine.Target.LastWords);

        bool NothingIsToCome()
        {
            TakeUsed();
            if (outstanding.Count == 0) return true;

            // A device that asks for a reset returns nothing more; what it returned before it asked has been taken above, or is now.
            if (++looks % LooksAtRing != 0 || !NeedsReset()) return false;
            TakeUsed();
            return true;
        }
    }

    /// <summary>Notifies the device of the request queue, wanted or not.</summary>
    public void NotifyRequests() => Notify(Requests);

    /// <summary>Notifies the device of a queue, wanted or not, with the ring position where NOTIFICATION_DATA was negotiated (2.9).</summary>
    public void Notify(DriverQueue queue)
    {
        if (Has(Features.NotificationData)) Transport.Notify(queue.Number, queue.Position);
        else Transport.Notify(queue.Number);
    }

    /// <summary>Sends ATTACH.</summary>
    public Exchange Attach(uint domain, uint endpoint, uint flags = 0) => Send(new AttachRequest(domain, endpoint) { Flags = flags });

    /// <summary>Sends DETACH.</summary>
    public Exchange Detach(uint domain, uint endpoint) => Send(new DetachRequest(domain, endpoint));

    /// <summary>Sends MAP of an inclusive range.</summary>
    public Exchange Map(uint domain, ulong virtStart, ulong virtEnd, ulong physStart, uint flags = MapFlags.Read | MapFlags.Write) =>
        Send(new MapRequest(domain, virtStart, virtEnd, physStart, flags));

    /// <summary>Sends UNMAP of an inclusive range.</summary>
    public Exchange Unmap(uint domain, ulong virtStart, ulong virtEnd) => Send(new UnmapRequest(domain, virtStart, virtEnd));

    /// <summary>Sends PROBE with a properties area of <c>probe_size</c> bytes; throws <see cref="GuestSetupException"/> where that is more than a driver would lend.</summary>
    public Exchange Probe(uint endpoint) => Config.ProbeSize <= LargestProbe
        ? Send(new ProbeRequest(endpoint, (int)Config.ProbeSize))
        : throw new GuestSetupException($"probe_size is {Config.ProbeSize} bytes");

    /// <summary>Posts a buffer of <paramref name="size"/> bytes on the event queue and notifies as wished.</summary>
    public void PostEventBuffer(int size)
    {
        var buffer = GuardedBuffer.Poisoned(Ram, Machine.Heap, size);
        var since = Events.Position;
        postedEvents[Events.Lend([Element(buffer, isWritable: true)])] = buffer;
        NotifyIfWanted(Events, since);
    }

    /// <summary>Takes the event buffers that have come back, oldest first.</summary>
    public IReadOnlyList<EventBuffer> TakeEvents()
    {
        var events = new List<EventBuffer>();
        while (Events.TryTakeUsed(out var used))
        {
            if (used.Id > ushort.MaxValue || !postedEvents.Remove((ushort)used.Id, out var lent)) throw NotLent(EventQueueNumber, used);
            var taken = new EventBuffer(lent, used.Length);
            Machine.Journal.Add(taken);
            if (lent.FindDamage() is { } damage) throw Damaged(damage, "DESC-SPLIT-02");
            if (used.Length > lent.Length) throw TooLong(used.Length, lent.Length);
            events.Add(taken);
        }
        return events;
    }

    /// <summary>Lays the request queue out anew after a queue reset, of another size, and enables it (2.6.1.1).</summary>
    public void ReplaceRequestQueue(ushort size)
    {
        Requests = SetUpQueue(Machine, RequestQueueNumber, Negotiated, size);
        outstanding.Clear();
        Transport.EnableQueue(RequestQueueNumber);
    }

    private static DriverQueue SetUpQueue(Machine machine, int number, ulong features, ushort? wanted)
    {
        var transport = machine.Transport;
        var maximum = transport.ReadQueueSize(number);
        if (maximum == 0) throw new GuestSetupException($"queue {number} does not exist");
        var size = wanted ?? (transport.CanSizeQueues ? Math.Min(maximum, LargestQueue) : maximum);
        if (size != maximum && !transport.CanSizeQueues) throw new GuestSetupException($"queue {number} has {maximum} descriptors, and no register to change that");
        DriverQueue queue = (features & Features.RingPacked) != 0
            ? new PackedQueue(machine.Target.Ram, machine.Heap, number, size, features)
            : new SplitQueue(machine.Target.Ram, machine.Heap, number, size, features, transport.LegacyQueueAlignment);
        if (transport.CanSizeQueues) transport.WriteQueueSize(number, size);
        transport.WriteQueueAddresses(number, queue.Addresses);
        return queue;
    }

    private bool NeedsReset() => (Transport.ReadStatus() & DeviceStatus.NeedsReset) != 0;

    private GuardedBuffer[] Lend(byte[] bytes, int[] lengths)
    {
        var at = 0;
        var buffers = new List<GuardedBuffer>();
        foreach (var length in Framing.Cut(bytes.Length, lengths))
        {
            buffers.Add(GuardedBuffer.Holding(Ram, Machine.Heap, bytes[at..(at + length)]));
            at += length;
        }
        return [.. buffers];
    }

    private static BufferElement Element(GuardedBuffer buffer, bool isWritable) => new(buffer.Address, (uint)buffer.Length, isWritable);

    private void NotifyIfWanted(DriverQueue queue, ushort since)
    {
        if (queue.WantsNotification(since)) Notify(queue);
    }

    private void TakeUsed()
    {
        while (Requests.TryTakeUsed(out var used))
        {
            if (used.Id > ushort.MaxValue || !outstanding.Remove((ushort)used.Id, out var exchange)) throw NotLent(RequestQueueNumber, used);
            exchange.Return(used.Length);
            if (exchange.Damage is { } damage) throw Damaged(damage, exchange.IsReadablePartIntact ? "DESC-SPLIT-02" : "SPLIT-DESC-D-01");
            if (used.Length > exchange.Reply.Length) throw TooLong(used.Length, exchange.Reply.Length);
        }
    }

    private static DeviceViolationException NotLent(int queue, UsedElement used) => new(
        "DESC-SPLIT-01", "a used element names a chain that the driver made available and has not got back",
        $"queue {queue} returned id {used.Id} with length {used.Length}, which is not outstanding");

    private static DeviceViolationException Damaged(string damage, string clause) => new(
        clause, "the device writes nothing but the device-writable buffers it was given", damage);

    private static DeviceViolationException TooLong(uint used, int lent) => new(
        "SPLIT-USED-D-02", $"the used length counts bytes that were written, of which there can be {lent} at most", $"used length {used}");
}
