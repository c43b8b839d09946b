using Viommu.Fuzz.Machines;
using Viommu.Guest.Driver;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Qemu;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Devices;

/// <summary>One QEMU. Registers cost a round trip over a socket each, so they are written many at a time, and requests go out many at a time.</summary>
internal sealed class QemuBench : ProgramBench
{
    // An endpoint that is there and makes no accesses: the SATA controller of the machine.
    private const uint SilentEndpoint = 0xfa;

    // This driver's rings are split, its doorbell is a queue number, and it puts chains where it likes.
    private const ulong NotSpoken = Features.RingPacked | Features.NotificationData | Features.NotifConfigData | Features.InOrder | Features.Suspend;

    private const DeviceStatus Found = DeviceStatus.Acknowledge | DeviceStatus.Driver;
    private const DeviceStatus Running = Found | DeviceStatus.FeaturesOk | DeviceStatus.DriverOk;

    private const int CommandOffset = 0x04;
    private const int FirstBarOffset = 0x10;
    private const int BarCount = 6;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly QemuTarget _target;
    private readonly QemuRings _rings;
    private readonly uint[] _bars;
    private readonly ulong[] _doorbells = new ulong[2];
    private readonly ulong _common;

    private QemuBench(QemuTarget target)
        : base(target)
    {
        _target = target;
        _rings = new(target.Ram, Machine.Heap);
        var pci = Machine.Pci!;
        _bars = [.. Enumerable.Range(0, BarCount).Select(bar => pci.Function.Read(FirstBarOffset + (4 * bar), 4))];
        _common = pci.Structures.Common;
        for (int queue = 0; queue < _doorbells.Length; queue++)
        {
            Post(CommonField.QueueSelect, (ulong)queue);
            _doorbells[queue] = pci.Structures.Notify + (_target.MmioRead(_common + CommonField.QueueNotifyOff.Offset, CommonField.QueueNotifyOff.Width) * pci.Structures.NotifyMultiplier);
        }

        PlaceBars();
    }

    /// <inheritdoc/>
    public override long RoundTrips => _target.RoundTrips;

    /// <inheritdoc/>
    public override IRequestRings Rings => _rings;

    /// <summary>Starts a QEMU; throws <see cref="TargetUnavailableException"/> where that fails, or its device does not get as far as where programs start.</summary>
    public static QemuBench Open(QemuTargetSource source) => Open<QemuTarget, QemuBench>(source, target => new(target));

    /// <inheritdoc/>
    public override void Start(ulong wanted)
    {
        _rings.Clear();
        Initialise(Accepted(wanted), QemuRings.RequestQueueSize, _rings.Requests, QemuRings.EventQueueSize, _rings.Events);
    }

    private void Initialise(ulong accepted, ushort requestSize, QueueAddresses requests, ushort eventSize, QueueAddresses events)
    {
        Begin(accepted);
        Post(CommonField.DeviceStatus, 0);
        // 4.1.4.3.2: nothing else until 0 is read back.
        if (ReadStatus() != DeviceStatus.None && !Machine.ResetDevice()) throw Unreset(ReadStatus());
        Post(CommonField.DeviceStatus, (ulong)DeviceStatus.Acknowledge);
        Post(CommonField.DeviceStatus, (ulong)Found);
        for (int half = 0; half < 2; half++)
        {
            Post(CommonField.DriverFeatureSelect, (ulong)half);
            Post(CommonField.DriverFeature, (uint)(Negotiated >> (32 * half)));
        }

        Post(CommonField.DeviceStatus, (ulong)(Found | DeviceStatus.FeaturesOk));
        SetUpQueue(IommuDriver.RequestQueueNumber, requestSize, requests);
        SetUpQueue(IommuDriver.EventQueueNumber, eventSize, events);
        Post(CommonField.DeviceStatus, (ulong)Running);
        if (ReadStatus() is not Running and var status) throw (status & DeviceStatus.FeaturesOk) == 0 ? Refused() : Unstarted(status);
    }

    /// <inheritdoc/>
    public override bool Ring()
    {
        _rings.Publish();
        _target.MmioWrite(_doorbells[IommuDriver.RequestQueueNumber], 2, IommuDriver.RequestQueueNumber);
        if (_rings.IsAllReturned) return true;
        if (_target.Await(() => _rings.IsAllReturned || (NeedsReset = AsksForReset()), Patience)) return !NeedsReset;
        throw new TargetHungException($"the device neither returned a request nor asked for a reset within {Patience.TotalSeconds:0} s", LastWords);
    }

    /// <inheritdoc/>
    public override bool Notify(int queue)
    {
        _target.PostMmioWrite(_doorbells[queue], 2, (ulong)queue);
        return AsksForReset();
    }

    /// <inheritdoc/>
    public override bool Await(Func<bool> condition) => _target.Await(condition, Patience);

    /// <inheritdoc/>
    public override uint EndpointOf(uint number) => number == TestBed.ThirdEndpoint ? SilentEndpoint : base.EndpointOf(number);

    /// <inheritdoc/>
    protected override ulong Accepted(ulong wanted) => (wanted | Features.Indispensable) & Offered & ~NotSpoken;

    /// <inheritdoc/>
    protected override void ResetMachine()
    {
        _target.SystemReset();
        PlaceBars();
    }

    /// <inheritdoc/>
    protected override void StartAt(ulong accepted, ushort size, QueueAddresses requests, QueueAddresses events) => Initialise(accepted, size, requests, size, events);

    // Where they were before a reset of the machine.
    private void PlaceBars()
    {
        var function = Machine.Pci!.Function.Address;
        for (int bar = 0; bar < BarCount; bar++) _target.PostConfigWrite(function, FirstBarOffset + (4 * bar), 4, _bars[bar]);
        // Nobody listens to the line, and each change of it is a line of text on the socket.
        _target.PostConfigWrite(function, CommandOffset, 2, (uint)(PciCommand.MemorySpace | PciCommand.BusMaster | PciCommand.InterruptDisable));
    }

    private void SetUpQueue(int queue, ushort size, QueueAddresses addresses)
    {
        Post(CommonField.QueueSelect, (ulong)queue);
        Post(CommonField.QueueSize, size);
        Post(CommonField.QueueDescLow, (uint)addresses.Descriptors);
        Post(CommonField.QueueDescHigh, addresses.Descriptors >> 32);
        Post(CommonField.QueueDriverLow, (uint)addresses.Driver);
        Post(CommonField.QueueDriverHigh, addresses.Driver >> 32);
        Post(CommonField.QueueDeviceLow, (uint)addresses.Device);
        Post(CommonField.QueueDeviceHigh, addresses.Device >> 32);
        Post(CommonField.QueueEnable, 1);
    }

    private void Post(CommonField field, ulong value) => _target.PostMmioWrite(_common + field.Offset, field.Width, value);

    private DeviceStatus ReadStatus() => (DeviceStatus)_target.MmioRead(_common + CommonField.DeviceStatus.Offset, CommonField.DeviceStatus.Width);
}
