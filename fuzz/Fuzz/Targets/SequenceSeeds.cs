using System.Buffers.Binary;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Targets;

/// <summary>Programs to start from: what drivers do, and what has gone wrong elsewhere.</summary>
internal static class SequenceSeeds
{
    public static IEnumerable<Seed> All() =>
    [
        new("map-and-access", Program(
            Request(Requests.Attach(1, TestBed.FirstEndpoint)),
            Request(Requests.Map(1, 0x1000, 0x1fff, TestBed.Ram, Requests.ReadWrite)),
            Dma(TestBed.FirstEndpoint, 0x1ff0, 16, isWrite: true),
            Dma(TestBed.FirstEndpoint, 0x2000, 1, isWrite: false),
            Request(Requests.Unmap(1, 0x1000, 0x1fff)),
            Dma(TestBed.FirstEndpoint, 0x1000, 1, isWrite: false),
            Request(Requests.Detach(1, TestBed.FirstEndpoint)))),
        new("two-domains-and-a-move", Program(
            Request(Requests.Attach(1, TestBed.FirstEndpoint)),
            Request(Requests.Attach(2, TestBed.SecondEndpoint)),
            Request(Requests.Map(1, 0x1000, 0x1fff, TestBed.Ram, Requests.Read)),
            Request(Requests.Map(2, 0x1000, 0x1fff, TestBed.Ram + 0x1000, Requests.Write)),
            Request(Requests.Attach(1, TestBed.SecondEndpoint)),
            Dma(TestBed.SecondEndpoint, 0x1000, 8, isWrite: false),
            Request(Requests.Map(2, 0x1000, 0x1fff, TestBed.Ram, Requests.Read)),
            Request(Requests.Attach(2, TestBed.FirstEndpoint)),
            Dma(TestBed.FirstEndpoint, 0x1000, 8, isWrite: false))),
        new("unmap-would-split", Program(
            Request(Requests.Attach(1, TestBed.FirstEndpoint)),
            Request(Requests.Map(1, 0x1000, 0x1fff, TestBed.Ram, Requests.ReadWrite)),
            Request(Requests.Map(1, 0x2000, 0x3fff, TestBed.Ram + 0x1000, Requests.ReadWrite)),
            Request(Requests.Unmap(1, 0x1000, 0x2fff)),
            Dma(TestBed.FirstEndpoint, 0x1ff8, 16, isWrite: false),
            Request(Requests.Unmap(1, 0, ulong.MaxValue)),
            Dma(TestBed.FirstEndpoint, 0x1000, 1, isWrite: false))),
        new("bypass-domain-and-resets", Program(
            Bypass(1),
            Dma(TestBed.ThirdEndpoint, TestBed.Ram, 8, isWrite: false),
            Request(Requests.Attach(5, TestBed.ThirdEndpoint, Requests.Bypass)),
            Request(Requests.Map(5, 0x1000, 0x1fff, TestBed.Ram, Requests.ReadWrite)),
            Reset(StepKind.DeviceReset),
            Dma(TestBed.ThirdEndpoint, TestBed.Ram, 8, isWrite: false),
            Reset(StepKind.SystemReset),
            Dma(TestBed.ThirdEndpoint, TestBed.Ram, 8, isWrite: false))),
        new("probe-and-reserved-regions", Program(
            Request(Requests.Probe(TestBed.FirstEndpoint)),
            Request(Requests.Probe(TestBed.NoEndpoint)),
            Request(Requests.Attach(1, TestBed.ThirdEndpoint)),
            Request(Requests.Map(1, TestBed.ReservedFirst, TestBed.ReservedLast, TestBed.Ram, Requests.ReadWrite)),
            Request(Requests.Attach(1, TestBed.FirstEndpoint)),
            Request(Requests.Detach(1, TestBed.ThirdEndpoint)),
            Request(Requests.Attach(1, TestBed.FirstEndpoint)),
            Request(Requests.Map(1, TestBed.ReservedLast + 1 - TestBed.Page, TestBed.ReservedLast, TestBed.Ram, Requests.ReadWrite)),
            Dma(TestBed.FirstEndpoint, TestBed.DoorbellFirst, 4, isWrite: true))),
        new("an-endpoint-whose-region-is-mapped", Program(
            Request(Requests.Attach(1, TestBed.ThirdEndpoint)),
            Request(Requests.Map(1, 0x10_0000, 0xffff_ffff, TestBed.Ram, Requests.ReadWrite)),
            Request(Requests.Attach(1, TestBed.SecondEndpoint)),
            Request(Requests.Unmap(1, 0, ulong.MaxValue)),
            Request(Requests.Attach(1, TestBed.SecondEndpoint)))),
        new("endpoints-that-are-alike", On(TestBed.OfLikeEndpoints, Program(
            Request(Requests.Attach(1, TestBed.FirstEndpoint)),
            Request(Requests.Attach(1, TestBed.SecondEndpoint)),
            Request(Requests.Map(1, 0x1000, 0x1fff, TestBed.Ram, Requests.ReadWrite)),
            Dma(TestBed.SecondEndpoint, 0x1000, 8, isWrite: true)))),
        new("edges-of-the-address-space", Program(
            Request(Requests.Attach(TestBed.LastDomain, TestBed.FirstEndpoint)),
            Request(Requests.Map(TestBed.LastDomain, TestBed.LastInput - 0xfff, TestBed.LastInput, TestBed.Ram, Requests.ReadWrite)),
            Request(Requests.Map(TestBed.LastDomain, 0, 0xfff, TestBed.Ram + 0x1000, Requests.ReadWrite)),
            Request(Requests.Map(TestBed.LastDomain, 0x1000, ulong.MaxValue, 0, Requests.ReadWrite)),
            Dma(TestBed.FirstEndpoint, ulong.MaxValue, 2, isWrite: false),
            Request(Requests.Unmap(TestBed.LastDomain, 0, ulong.MaxValue)))),
    ];

    public static byte[] Program(params byte[][] steps)
    {
        var program = new byte[SequenceShape.HeaderSize + (steps.Length * SequenceShape.StepSize)];
        BinaryPrimitives.WriteUInt64LittleEndian(program, ulong.MaxValue);
        for (int i = 0; i < steps.Length; i++) steps[i].CopyTo(program, SequenceShape.HeaderSize + (i * SequenceShape.StepSize));
        return program;
    }

    private static byte[] On(int bed, byte[] program)
    {
        program[SequenceShape.BedOffset] = (byte)bed;
        return program;
    }

    public static byte[] Request(byte[] request, int writable = SequenceShape.NaturalWritable, Framing framing = Framing.Plain)
    {
        var step = Step((StepKind)(request[0] - 1));
        step[SequenceShape.FramingOffset] = (byte)framing;
        BinaryPrimitives.WriteUInt16LittleEndian(step.AsSpan(SequenceShape.WritableOffset), (ushort)writable);
        request.AsSpan(0, Math.Min(request.Length, SequenceShape.BodySize)).CopyTo(step.AsSpan(SequenceShape.BodyOffset));
        return step;
    }

    public static byte[] Raw(byte[] bytes, int writable, Framing framing)
    {
        var step = Step(StepKind.Raw);
        step[SequenceShape.FramingOffset] = (byte)framing;
        BinaryPrimitives.WriteUInt16LittleEndian(step.AsSpan(SequenceShape.WritableOffset), (ushort)writable);
        step[SequenceShape.BodyOffset] = (byte)bytes.Length;
        bytes.CopyTo(step, SequenceShape.RawBytes);
        return step;
    }

    public static byte[] Dma(uint endpoint, ulong at, int length, bool isWrite)
    {
        var step = Step(isWrite ? StepKind.DmaWrite : StepKind.DmaRead);
        BinaryPrimitives.WriteUInt32LittleEndian(step.AsSpan(SequenceShape.DmaEndpoint), endpoint);
        BinaryPrimitives.WriteUInt64LittleEndian(step.AsSpan(SequenceShape.DmaAddress), at);
        step[SequenceShape.DmaLength] = (byte)(length - 1);
        return step;
    }

    public static byte[] Bypass(byte value)
    {
        var step = Step(StepKind.WriteBypass);
        step[SequenceShape.BodyOffset] = value;
        return step;
    }

    public static byte[] Reset(StepKind kind, ulong features = ulong.MaxValue)
    {
        var step = Step(kind);
        BinaryPrimitives.WriteUInt64LittleEndian(step.AsSpan(SequenceShape.ResetFeatures), features);
        return step;
    }

    private static byte[] Step(StepKind kind)
    {
        var step = new byte[SequenceShape.StepSize];
        step[0] = (byte)kind;
        return step;
    }
}
