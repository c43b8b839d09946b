using System.Buffers.Binary;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Rings;

/// <summary>
/// Raw rings: programs of the driver's writes to memory, and of its notifications. Before each notification the rings are walked by a
/// bystander: the device may touch what the chains name and nothing else, has to use the well-formed ones in their order with what the
/// twin answers, and may do as it likes with what is malformed, but for touching anything else or going on after it asked for a reset.
/// </summary>
internal sealed class RingTarget : IFuzzTarget
{
    private const int MostChains = 16;
    private const int FaultCount = (int)RingFault.EmptyTable + 1;
    private const int ReportSize = 24;

    private readonly RingFormat _format;
    private readonly RingMachine _machine;
    private readonly RingWriter _writer;
    private readonly RingModel[] _models;
    private readonly RingChain[] _chains = [.. Enumerable.Range(0, MostChains + 1).Select(_ => new RingChain())];
    private readonly byte[] _readable = new byte[RingMachine.LongestRequest];
    private readonly byte[] _reply;
    private readonly byte[] _written;
    private RingPlace _place;
    private bool _isDead;
    private bool _isMessy;

    public RingTarget(Subject subject, RingFormat format)
    {
        _format = format;
        _machine = new(subject, format.IsPacked);
        _writer = format.NewWriter(Memory, new(TestBed.FirstEndpoint));
        _models = [format.NewModel(Memory), format.NewModel(Memory)];
        _reply = new byte[_machine.LongestReply];
        _written = new byte[_machine.LongestReply];
    }

    /// <summary>Queue, fault that the walk ended with, chains before it, whether the device asked for a reset.</summary>
    public static int StateCount => 2 * FaultCount * 4 * 2 * 4;

    private ShadowedMemory Memory => _machine.Memory;

    public void Execute(ReadOnlySpan<byte> input, Observations observations)
    {
        if (input.Length < RingShape.HeaderSize) return;
        int size = 1 << (input[RingShape.SizeOffset] % 5);
        _place = _machine.Start(BinaryPrimitives.ReadUInt64LittleEndian(input), size);
        _models[0].Begin(_place);
        _models[1].Begin(_place.OfEvents);
        (_isDead, _isMessy) = (false, false);
        _writer.Begin(_place);

        int steps = Math.Min((input.Length - RingShape.HeaderSize) / RingShape.StepSize, 48);
        observations.Operations = steps;
        for (int i = 0; i < steps; i++)
        {
            observations.Story?.Begin(i);
            Run(input.Slice(RingShape.HeaderSize + (i * RingShape.StepSize), RingShape.StepSize), observations);
        }
    }

    public void Dispose()
    {
    }

    private void Run(ReadOnlySpan<byte> step, Observations observations)
    {
        // A driver that writes what the device writes cannot tell any more what the device has written.
        if (!_writer.Carry(step)) _isMessy = true;
        var kind = RingWriter.KindOf(step);
        if (kind is RingStep.Notify or RingStep.Submit) Notify(RingWriter.QueueOf(step), observations);
        else if (kind == RingStep.Provoke) Provoke(RingWriter.AddressOf(step), observations);
    }

    private void Notify(int queue, Observations observations)
    {
        // Buffers of the event queue wait until there is something to report.
        int most = queue == 0 ? MostChains : 0;
        Serve(queue, most, observations, isNotification: true, 0);
    }

    private void Provoke(ulong at, Observations observations) => Serve(1, 1, observations, isNotification: false, at);

    private void Serve(int queue, int most, Observations observations, bool isNotification, ulong at)
    {
        var model = _models[queue];
        int before = model.DevicePosition;
        int expected = 0;
        var fault = RingFault.Empty;
        if (!_isMessy && !_isDead)
        {
            for (; expected < most; expected++)
            {
                fault = model.Walk(_chains[expected]);
                Grant(model, _chains[expected]);
                // A device that read the index before may still go by it, and find entries that the driver has overwritten.
                if (fault is RingFault.TooManyAvailable or RingFault.Empty && model.CouldGoByEarlierIndex) _isMessy = true;
                if (_place.HasInOrder && fault == RingFault.None && IsRepeated(expected)) _isMessy = true;
                if (fault != RingFault.None || _isMessy) break;
            }
        }

        if (_isMessy) Memory.GrantAll();
        if (isNotification) _machine.Notify((uint)queue);
        else _machine.Provoke(at);
        bool needsReset = (_machine.Status & StatusBits.NeedsReset) != 0;
        observations.Visit((((((queue * FaultCount) + (int)fault) * 4) + Math.Min(expected, 3)) * 2 + (needsReset ? 1 : 0)) * 4 + (_isMessy ? 1 : 0) + (_isDead ? 2 : 0));
        observations.Saw(needsReset ? 1UL : 0);
        if (_isDead)
        {
            Require(_isMessy || model.DevicePosition == before, "no-ring-activity-after-needs-reset", "the device uses buffers although it has asked for a reset");
            return;
        }

        if (!_isMessy)
        {
            bool isDoubtful = fault is not (RingFault.None or RingFault.Empty);
            Require(!needsReset || isDoubtful, "well-formed-rings-are-served", "the device asks for a reset although the rings are well-formed");
            TakeUsed(queue, model, expected, isDoubtful, observations);
            Memory.RevokeLatest();
            // The device has made something of what is malformed: where it stands now is not known.
            if (isDoubtful && !needsReset) _isMessy = true;
        }

        _isDead = needsReset;
    }

    // A batch is known by the ID of its last buffer, which then has to be the only one of that name.
    private bool IsRepeated(int index)
    {
        for (int i = 0; i < index; i++)
        {
            if (_chains[i].Id == _chains[index].Id) return true;
        }

        return false;
    }

    private void TakeUsed(int queue, RingModel model, int expected, bool isDoubtful, Observations observations)
    {
        int first = 0;
        while (first < expected && model.TryReadUsed(out ushort id, out uint length))
        {
            int last = first;
            // Sections 2.7.9 and 2.8.8: one used element can stand for a batch, whose other buffers were written to their ends.
            while (_place.HasInOrder && last < expected && _chains[last].Id != id) last++;
            Require(last < expected && _chains[last].Id == id, "used-id-is-of-a-chain", "the device uses a buffer that was not available, or not in turn");
            int entries = 0;
            for (int i = first; i <= last; i++)
            {
                Check(queue, _chains[i], i == last ? length : (uint)_chains[i].Writable);
                entries += _chains[i].Entries;
            }

            model.Advance(last - first + 1, entries);
            observations.Saw(length);
            first = last + 1;
        }

        Require(first == expected || isDoubtful, "well-formed-rings-are-served", "the device leaves available buffers of well-formed rings unused");
        Require(!model.TryReadUsed(out _, out _) || isDoubtful, "used-id-is-of-a-chain", "the device uses more buffers than were available");
    }

    private void Check(int queue, RingChain chain, uint length)
    {
        Require(length <= chain.Writable, "used-length-within-writable", "the used length exceeds the writable part");
        if (queue == 1)
        {
            Require(length == (chain.Writable >= ReportSize ? ReportSize : 0u), "report-fits-or-is-dropped", "a fault report is neither whole nor dropped");
            return;
        }

        int readable = Gather(chain, isWritable: false, _readable);
        var reply = _reply.AsSpan(0, (int)Math.Min(chain.Writable, (ulong)_reply.Length));
        int wanted = _machine.AskTwin(_readable.AsSpan(0, readable), reply);
        Require(length == (uint)wanted, "rings-do-not-change-answers", "a request is answered with another used length than without a ring");
        int written = Gather(chain, isWritable: true, _written.AsSpan(0, wanted));
        Require(written == wanted && _written.AsSpan(0, wanted).SequenceEqual(reply[..wanted]), "rings-do-not-change-answers", "a request is answered with other bytes than without a ring");
    }

    private int Gather(RingChain chain, bool isWritable, Span<byte> into)
    {
        int taken = 0;
        foreach (var buffer in chain.Buffers)
        {
            if (buffer.IsWritable != isWritable) continue;
            int length = (int)Math.Min(buffer.Length, (uint)(into.Length - taken));
            ulong offset = unchecked(buffer.Address - ShadowedMemory.First);
            if (length == 0) continue;
            Memory.Bytes.Slice((int)offset, length).CopyTo(into[taken..]);
            taken += length;
        }

        return taken;
    }

    // What a chain names the device may touch. Where two uses of the same bytes meet, what happens depends on the order in which the device
    // goes about it: then nothing is foretold any more.
    private void Grant(RingModel model, RingChain chain)
    {
        foreach (var (address, length) in model.TablesRead) Grant(address, (uint)length, Rights.Read);
        foreach (var buffer in chain.Buffers) Grant(buffer.Address, buffer.Length, buffer.IsWritable ? Rights.Write : Rights.Read);
    }

    private void Grant(ulong address, uint length, Rights rights)
    {
        if (_isMessy) return;
        ulong offset = unchecked(address - ShadowedMemory.First);
        if (offset >= (ulong)Memory.Size)
        {
            if (length > 0) _isMessy = true;
            return;
        }

        if (length > (ulong)Memory.Size - offset || !Memory.TryShare((int)offset, (int)length, rights)) _isMessy = true;
    }

    private void Require(bool holds, string rule, string message)
    {
        if (!holds) throw new BrokenInvariantException(rule, _format.Name, message);
    }
}
