using FsCheck;
using FsCheck.Fluent;
using Viommu.Device.Iommu;

namespace Viommu.Device.Tests.Support;

/// <summary>One thing that a driver, an endpoint or the machine's operator does. Numbers mean what fits the kind.</summary>
internal sealed record Step(StepKind Kind, byte[] Request, int Place, int Width, ulong Value)
{
    private static readonly Gen<uint> _domain = Gen.Choose(0, 1).Select(domain => (uint)domain);

    private static readonly Gen<uint> _endpoint = Gen.Frequency((5, Gen.Constant(Machine.Endpoint)), (2, Gen.Elements(0x40u, 0x41u, 99u)));

    // From 0x8000 on: what an endpoint reaches in bypass mode, or through a mapping, is never a ring.
    private static readonly Gen<(ulong First, ulong Last)> _pages =
        from first in Gen.Choose(8, 23)
        from length in Gen.Choose(1, 4)
        select (4096ul * (ulong)first, (4096ul * (ulong)(first + length)) - 1);

    private static readonly Gen<byte[]> _request = Gen.Frequency(
        (4, from domain in _domain
            from endpoint in _endpoint
            from flags in Gen.Elements(0u, 0u, 0u, 0u, 0u, 1u)
            select Bytes.Attach(domain, endpoint, flags)),
        (1, from domain in _domain from endpoint in _endpoint select Bytes.Detach(domain, endpoint)),
        (20, from domain in _domain
             from pages in _pages
             from flags in Gen.Choose(0, 7)
             select Bytes.Map(domain, pages.First, pages.Last, pages.First + 0x1000, (uint)flags)),
        (3, from domain in _domain from pages in _pages select Bytes.Unmap(domain, pages.First, pages.Last)),
        (1, _endpoint.Select(Bytes.Probe)));

    public static Gen<Step> Any { get; } =
        from kind in Gen.Frequency(
            (60, Gen.Constant(StepKind.Send)),
            (3, Gen.Constant(StepKind.OfferRequest)),
            (4, Gen.Constant(StepKind.OfferEvent)),
            (20, Gen.Constant(StepKind.Access)),
            (3, Gen.Constant(StepKind.WriteBypass)),
            (3, Gen.Constant(StepKind.ChangeBypass)),
            (2, Gen.Constant(StepKind.Plug)),
            (3, Gen.Constant(StepKind.Suspend)),
            (6, Gen.Constant(StepKind.ReadRegister)),
            (1, Gen.Constant(StepKind.WriteRegister)),
            (1, Gen.Constant(StepKind.EnableMsix)),
            (1, Gen.Constant(StepKind.OfferNonsense)),
            (1, Gen.Constant(StepKind.Restart)),
            (1, Gen.Constant(StepKind.SystemReset)))
        from request in _request
        from place in Gen.Choose(0x0, 0xffff)
        from width in Gen.Elements(1, 2, 4, 4, 8)
        from value in Gen.Choose(0, 255)
        select new Step(kind, request, place, width, (ulong)value);

    public override string ToString() => $"{Kind} {Convert.ToHexString(Request)} 0x{Place:x} {Width} 0x{Value:x}";
}

internal enum StepKind
{
    Send,
    OfferRequest,
    OfferEvent,
    OfferNonsense,
    Access,
    WriteBypass,
    ChangeBypass,
    Plug,
    Suspend,
    ReadRegister,
    WriteRegister,
    EnableMsix,
    Restart,
    SystemReset,
}

/// <summary>Takes steps on a machine. What it knows of the rings can be carried over to another machine with the same memory.</summary>
internal sealed class RandomDriver
{
    private const ulong Requests = 0x1e000;
    private const ulong FirstReply = Requests + 0x80;
    private const ushort PackedWritable = 2;
    private const ushort PackedNext = 1;

    private readonly bool _isPacked;
    private Ring _requests = null!;
    private Ring _events = null!;
    private int _nextRequest;
    private int _nextEvent;

    public RandomDriver(SavedMachine machine, bool isPacked)
    {
        Machine = machine;
        _isPacked = isPacked;
        Start();
    }

    private RandomDriver(RandomDriver other, SavedMachine machine)
    {
        Machine = machine;
        _isPacked = other._isPacked;
        _nextRequest = other._nextRequest;
        _nextEvent = other._nextEvent;
        var from = other.Machine.Inner.Memory;
        machine.Inner.Memory.Write(new(0), from.Read(new(0), (int)from.Range.Last + 1));
        _requests = Copy(other._requests, 0, 16);
        _events = Copy(other._events, 1, 8);
    }

    public SavedMachine Machine { get; }

    /// <summary>The same driver on another machine, which gets a copy of the memory.</summary>
    public RandomDriver MoveTo(SavedMachine machine) => new(this, machine);

    /// <summary>Takes a step; returns what it showed.</summary>
    public string Take(Step step)
    {
        string seen = Perform(step);
        return $"{seen} pin={Machine.InterruptPin} {Memory()}";
    }

    /// <summary>The status in the reply to the first request of this driver.</summary>
    public byte FirstAnswer(byte[] request)
    {
        OfferRequest(request);
        Machine.Inner.Memory.Write(new(FirstReply), Ring.Poison);
        Machine.Inner.Notify(0);
        return Machine.Inner.Memory.Read(new(FirstReply), 1)[0];
    }

    private string Perform(Step step)
    {
        var device = Machine.Inner.Device;
        switch (step.Kind)
        {
            case StepKind.Send:
                OfferRequest(step.Request);
                Machine.Inner.Notify(0);
                return "";
            case StepKind.OfferRequest:
                OfferRequest(step.Request);
                return "";
            case StepKind.OfferEvent:
                OfferEvent();
                return "";
            case StepKind.OfferNonsense:
                if (_isPacked) Machine.Inner.Memory.Write(new(_requests.Descriptors + 14), 0xff, 0xff);
                else _requests.Offer(0x1234);
                return "";
            case StepKind.Access:
                uint endpoint = step.Width == 1 ? 0x40u : Support.Machine.Endpoint;
                ulong at = 0x8000 + ((ulong)step.Place % 0x14000);
                if (step.Value % 2 == 0) return device.Write(endpoint, new(at), [(byte)step.Value]).ToString();
                var read = new byte[step.Width];
                return device.Read(endpoint, new(at), read) + Convert.ToHexString(read);
            case StepKind.WriteBypass:
                Machine.Inner.WriteConfig(36, 1, step.Value % 3);
                return "";
            case StepKind.ChangeBypass:
                device.ChangeBypass(step.Value % 2 == 0);
                return "";
            case StepKind.Plug:
                var plugged = step.Value < 192
                    ? new EndpointOptions(0x40) { ReservedRegions = [new(new(0x9000, 0x9fff), 0)] }
                    : new EndpointOptions(Support.Machine.Endpoint);
                if (!device.RemoveEndpoint(plugged.Id)) device.AddEndpoint(plugged);
                return "";
            case StepKind.Suspend:
                WriteStatus(step.Value % 3 == 0 ? 0x1fu : 0xfu);
                return "";
            case StepKind.ReadRegister:
                return Machine.ReadRegister(step.Place, step.Width).ToString("x", null);
            case StepKind.WriteRegister:
                Machine.WriteRegister(step.Place, step.Width, step.Value);
                return "";
            case StepKind.EnableMsix:
                if (Machine.Inner is Machine { Function: var function } pci && function.ConfigRead(0x40, 1) == 0x11) pci.EnableMsix();
                return "";
            case StepKind.Restart:
                Start();
                return "";
            case StepKind.SystemReset:
                Machine.SystemReset();
                Start();
                return "";
            default:
                throw new InvalidOperationException(step.ToString());
        }
    }

    // Where the rings are.
    private string Memory() => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(Machine.Inner.Memory.Read(new(0x1000), 0x6000)));

    private void Start()
    {
        Machine.Inner.Memory.Write(new(0), new byte[0x8000]);
        (_requests, _events) = Machine.Inner.Start();
        _nextRequest = _nextEvent = 0;
    }

    private Ring Copy(Ring ring, int queue, int size)
    {
        var copy = new Ring(Machine.Inner, queue, size, ring.Descriptors) { Available = ring.Available, Used = ring.Used };
        // On packed rings the driver's event structure is there instead.
        if (!_isPacked) copy.AvailableIndex = ring.AvailableIndex;
        return copy;
    }

    private void WriteStatus(uint status)
    {
        switch (Machine.Inner)
        {
            case Machine pci:
                pci.Status = (byte)status;
                break;
            case MmioMachine mmio:
                mmio.Status = status;
                break;
            case LegacyPciMachine legacy:
                legacy.Status = (byte)status;
                break;
            case LegacyMmioMachine legacy:
                legacy.Registers.Status = status;
                break;
        }
    }

    private void OfferRequest(byte[] request)
    {
        // Buffers of their own for a few requests in flight, above what endpoints write.
        ulong buffer = Requests + (0x100 * ((ulong)_nextRequest % 8));
        Machine.Inner.Memory.Write(new(buffer), request);
        if (_isPacked)
        {
            Describe(_requests, _nextRequest++, 16, buffer, (uint)request.Length, PackedNext);
            Describe(_requests, _nextRequest++, 16, buffer + 0x80, 8, PackedWritable);
            return;
        }

        int slot = _nextRequest++ % 8 * 2;
        _requests.Describe(slot, buffer, (uint)request.Length, Ring.Next, (ushort)(slot + 1));
        _requests.Describe(slot + 1, buffer + 0x80, 8, Ring.Writable);
        _requests.Offer((ushort)slot);
    }

    private void OfferEvent()
    {
        ulong buffer = 0x1f000 + (0x40 * ((ulong)_nextEvent % 8));
        if (_isPacked)
        {
            Describe(_events, _nextEvent++, 8, buffer, 24, PackedWritable);
            return;
        }

        int slot = _nextEvent++ % 8;
        _events.Describe(slot, buffer, 24, Ring.Writable);
        _events.Offer((ushort)slot);
    }

    // Section 2.8.1: in odd rounds of the ring AVAIL is 1 and USED is 0, in even ones the other way round.
    private static void Describe(Ring ring, int position, int size, ulong address, uint length, ushort flags)
    {
        bool wrapCounter = position / size % 2 == 0;
        ring.Describe(position % size, address, length, 0, (ushort)(flags | (wrapCounter ? 0x80 : 0x8000)));
    }
}
