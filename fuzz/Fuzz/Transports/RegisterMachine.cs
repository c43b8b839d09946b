using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Transport;
using Viommu.Device.Wire;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Transports.Judging;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports;

/// <summary>One of the spaces that an access can go to.</summary>
internal enum Space
{
    /// <summary>Memory-mapped registers.</summary>
    Registers,

    /// <summary>The second memory BAR, where there is one.</summary>
    Second,

    /// <summary>PCI configuration space.</summary>
    Configuration,

    /// <summary>I/O space.</summary>
    Ports,
}

/// <summary>
/// A device whose registers can be accessed in any way, and by a driver that behaves; a judge holds all that is seen of it against what the
/// spec says. After a reset the device is expected to work, whatever came before.
/// </summary>
internal abstract class RegisterMachine : IDisposable
{
    /// <summary>Bits of <see cref="Command"/>.</summary>
    public const int MemorySpace = 1;
    public const int BusMaster = 2;
    public const int LineDisabled = 4;

    /// <summary>Flags of <see cref="Map"/>.</summary>
    public const int WithoutMessages = 1;
    public const int MasksAll = 2;

    private const int MemorySize = 0x1_0000;

    // What drivers can do without; negotiations are told apart by them.
    private static readonly ulong[] _optional =
    [
        Features.RingReset, Features.Suspend, Features.EventIdx, Features.InOrder, Features.NotificationData, Features.IndirectDesc, Features.BypassConfig,
        Features.MapUnmap, Features.Probe, Features.InputRange, Features.DomainRange, Features.Mmio,
    ];

    private ulong[]? _identity;

    protected RegisterMachine(Subject subject)
    {
        Memory = new(MemorySize) { MaximumAccesses = 1 << 16 };
        Memory.Grant(0, Memory.Size, Rights.Both);
        var beyond = new FlatGuestMemory(TestBed.Ram, RequestMachine.RamSize);
        Iommu = new(subject.Variation.Options(TestBed.Options with { RequestQueueSize = DrivenRing.MaximumSize, EventQueueSize = DrivenRing.MaximumSize }), beyond);
        var parts = subject.Variation.Assemble(Iommu, beyond);
        Device = parts.Device;
        Dma = parts.Dma;
        RingMemory = subject.Variation.RingMemory(Memory);
    }

    public ShadowedMemory Memory { get; }

    /// <summary>Puts away what stands in front of the device.</summary>
    public abstract void Dispose();

    /// <summary>The device status, read without an effect.</summary>
    public abstract uint Status { get; }

    /// <summary>What holds everything that is seen against the spec.</summary>
    protected abstract DeviceJudge Judge { get; }

    protected IommuDevice Iommu { get; }

    protected IVirtioDevice Device { get; }

    protected IEndpointDma Dma { get; }

    protected IGuestMemory RingMemory { get; }

    /// <summary>Everything that the device offers, on every transport that can.</summary>
    protected static VirtioFeatures Offered => VirtioFeatures.Default | VirtioFeatures.InOrder | VirtioFeatures.RingPacked | VirtioFeatures.NotificationData;

    /// <summary>Where it says which device it is, each with its width: read-only, and the same at any moment.</summary>
    protected abstract IReadOnlyList<(Space Space, int Offset, int Width)> Identity { get; }

    /// <summary>
    /// What a driver accepts of what it has read: all that it knows and needs, and of what is optional by the bits of <paramref name="choice"/>.
    /// </summary>
    protected ulong Chosen(uint choice)
    {
        ulong chosen = Features.Version1 | Features.AccessPlatform | Features.OrderPlatform | Features.NotifyOnEmpty | Features.RingReset | Features.Suspend | (Features.IommuChapter & ~Features.Bypass);
        for (int i = 0; i < _optional.Length; i++)
        {
            if ((choice & (1u << i)) != 0) chosen ^= _optional[i];
        }

        return Choice.Alter(chosen & Judge.FeatureBits.Offered & Judge.FeatureBits.Known, choice);
    }

    /// <summary>The machine is as after power-on, with its registers where they are expected.</summary>
    public abstract void PowerOn();

    public abstract ulong ReadAt(Space space, int offset, int width);

    public abstract void WriteAt(Space space, int offset, int width, ulong value);

    /// <summary>Reads a register, and holds it against the spec.</summary>
    public ulong Read(Space space, int offset, int width)
    {
        ulong value = ReadAt(space, offset, width);
        Saw(space, offset, width, value);
        return value;
    }

    /// <summary>Writes a register, and remembers it.</summary>
    public void Write(Space space, int offset, int width, ulong value)
    {
        WriteAt(space, offset, width, value);
        Wrote(space, offset, width, value);
    }

    protected abstract void Saw(Space space, int offset, int width, ulong value);

    protected abstract void Wrote(Space space, int offset, int width, ulong value);

    /// <summary>Puts the machine in the middle of its life, so that accesses meet a device at work.</summary>
    public void Start(uint choice)
    {
        Memory.Restart();
        Memory.Bytes.Clear();
        PowerOn();
        Judge.BeginStep();
        _identity ??= [.. Identity.Select(place => ReadAt(place.Space, place.Offset, place.Width))];
        BringUp(choice, size: DrivenRing.MaximumSize);
        Look();
    }

    /// <summary>A step of the input begins.</summary>
    public void BeginStep() => Judge.BeginStep();

    /// <summary>A step is over: what can be seen without an effect is held against the spec. Returns the status.</summary>
    public uint Look()
    {
        uint status = Status;
        SeeStatus(status);
        Judge.EndStep();
        LookAtInterrupts();
        return status;
    }

    /// <summary>The device is the one that it was when the machine was switched on, whatever was written to it.</summary>
    public void RequireIdentity()
    {
        for (int i = 0; i < Identity.Count; i++)
        {
            var (space, offset, width) = Identity[i];
            if (ReadAt(space, offset, width) != _identity![i])
                throw new BrokenInvariantException("identity-stays", $"{space} 0x{offset:x}", $"what is read at 0x{offset:x} has changed, although it is read-only");
        }
    }

    /// <summary>Resets the device and uses it as a driver does.</summary>
    public void RequireItWorks()
    {
        Memory.Restart();
        RestoreAccess();
        Judge.BeginStep();
        WriteStatus(0);
        Require(Status == 0, "the device status is not 0");
        Look();
        Survey(0);
        for (int i = 0; i < 2; i++)
        {
            Judge.BeginStep();
            if (i == 0) BringUp(0, size: DrivenRing.MaximumSize);
            var ring = Judge.Rings[0];
            Use(0, 1, isWanted: true, isAlwaysTold: true);
            Require(Judge.Queues[0].IsServiceDue, "no queue is there to be served");
            Look();
            Require(ring.Offered == ring.Returned, "it does not use a buffer");
            Survey(1);
            Acknowledge();
        }
    }

    /// <summary>Reset, negotiation, queue 0, DRIVER_OK.</summary>
    public void BringUp(uint choice, int size)
    {
        Negotiate(choice);
        Prepare(0, place: 0, size);
        EnableQueue(0);
        GoLive();
    }

    /// <summary>Reset, and all that comes before queues.</summary>
    public abstract void Negotiate(uint choice);

    /// <summary>Makes an empty ring and writes where it is.</summary>
    public void Prepare(int queue, int place, int size)
    {
        // CORE-CLEANUP-V-02: not from under the device.
        if (Judge.Queues[queue].MayBeUsed) Judge.Lost();
        Judge.Rings[queue].Make(place, SizeOf(queue, size), Judge.FeatureBits.Negotiated, Alignment);
        PlaceQueue(queue);
    }

    /// <summary>Sets DRIVER_OK.</summary>
    public void GoLive() => WriteStatus(Judge.Status | StatusBits.DriverOk);

    /// <summary>Makes chains available and notifies the device of them, if it wants to be or <paramref name="isAlwaysTold"/>.</summary>
    public void Use(int queue, int count, bool isWanted, bool isAlwaysTold = false)
    {
        var ring = Judge.Rings[queue];
        if (ring.Size == 0) return;
        ring.Want(isWanted);
        ring.Offer(count);
        // A notification of nothing is a notification as well (SPLIT-AVAILSUPP-D-05).
        if (!isAlwaysTold && count > 0 && ring.Offered != ring.Returned && Judge.TryLeaveUnnotified(queue)) return;
        Notify(queue);
    }

    /// <summary>
    /// Makes a chain available that there is not. CORE-STATUS-D-02: a device that serves nothing from then on says that it needs a reset; one
    /// that goes on may do so.
    /// </summary>
    public void BreakRing(int queue)
    {
        var ring = Judge.Rings[queue];
        if (!IsReached || !ring.IsQueueOfRequests || !Judge.IsServing(queue) || ring.Offered != ring.Returned) return;
        Judge.Lost();
        ring.OfferWild();
        Notify(queue);
        ring.Offer(1);
        Notify(queue);
        if ((Status & StatusBits.NeedsReset) == 0 && !ring.HasUsed) Broken.Rule("CORE-STATUS-D-02", "", "the device serves nothing after a chain that there is not, and does not say that it needs a reset");
    }

    /// <summary>Makes a chain available, and says nothing of it.</summary>
    public void Offer(int queue)
    {
        if (Judge.Rings[queue].Size > 0) Judge.Rings[queue].Offer(1);
    }

    /// <summary>An endpoint makes an access that is reported.</summary>
    public void Provoke()
    {
        Span<byte> into = stackalloc byte[4];
        Dma.Read(TestBed.ThirdEndpoint, new(0x1000), into);
    }

    /// <summary>Resets the device.</summary>
    public virtual void Reset() => WriteStatus(0);

    /// <summary>Suspends the device.</summary>
    public void Suspend() => WriteStatus(Judge.Status | StatusBits.Suspend);

    /// <summary>Resumes it.</summary>
    public void Resume() => WriteStatus(Judge.Status | StatusBits.DriverOk);

    /// <summary>The machine's operator turns bypass over.</summary>
    public void ChangeBypass()
    {
        bool bypass = !Iommu.Bypass;
        if (TryChangeBypass(bypass)) Judge.BypassChanges(bypass ? (byte)1 : (byte)0);
    }

    public abstract void EnableQueue(int queue);

    /// <summary>Takes a queue out of use, where the transport has a way.</summary>
    public abstract void StopQueue(int queue);

    /// <summary>Resets a queue, where that is negotiated.</summary>
    public abstract void ResetQueue(int queue);

    /// <summary>Handles whatever the device tells.</summary>
    public abstract void Acknowledge();

    public abstract void WriteBypass(byte value);

    /// <summary>Writes the command register of a PCI function.</summary>
    public virtual void Command(int bits)
    {
    }

    /// <summary>Maps an event to a vector of MSI-X, and reads back what has come of it.</summary>
    public virtual void Map(int happening, int vector, int flags)
    {
    }

    /// <summary>Masks a vector, or unmasks it.</summary>
    public virtual void Mask(int vector, bool isMasked)
    {
    }

    /// <summary>Reads everything that can be read without an effect; <paramref name="order"/> tells in which order.</summary>
    public abstract void Survey(uint order);

    protected abstract void PlaceQueue(int queue);

    protected abstract void Notify(int queue);

    protected abstract void WriteStatus(uint value);

    /// <summary>The status was read.</summary>
    protected virtual void SeeStatus(uint status) => Judge.SawStatus(status);

    /// <summary>Looks at what interrupts the driver, without an effect.</summary>
    protected abstract void LookAtInterrupts();

    protected virtual bool TryChangeBypass(bool bypass)
    {
        if ((Device.DeviceTypeFeatures & Features.BypassConfig) == 0) return false;
        Iommu.ChangeBypass(bypass);
        return true;
    }

    /// <summary>The size that a queue gets for which <paramref name="size"/> would do.</summary>
    protected virtual int SizeOf(int queue, int size) => size;

    /// <summary>True while accesses reach the registers.</summary>
    protected virtual bool IsReached => true;

    /// <summary>Used rings start at multiples of this, where a driver has a say.</summary>
    protected virtual int Alignment => 4096;

    /// <summary>Makes registers accessible again, whatever was written to configuration space.</summary>
    protected virtual void RestoreAccess()
    {
    }

    /// <summary>What an access of that width carries of a value: interceptors know registers, not the lanes of a bus.</summary>
    protected static ulong Carried(ulong value, int width) => width < sizeof(ulong) ? value & ((1UL << (8 * width)) - 1) : value;

    protected static void Require(bool holds, string what)
    {
        if (!holds) throw new BrokenInvariantException("works-again-after-reset", what, $"after a reset {what}");
    }
}
