using System.Buffers.Binary;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Targets;

/// <summary>What of the bytes of a program counts.</summary>
internal static class SequenceMeaning
{
    /// <summary>Whether two programs do the same, on whatever device, and a finding of one is a finding of the other.</summary>
    public static bool AreSame(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        if (one.Length < SequenceShape.HeaderSize || other.Length < SequenceShape.HeaderSize) return one.Length < SequenceShape.HeaderSize && other.Length < SequenceShape.HeaderSize;
        int steps = SequenceShape.Shape.RecordsIn(one.Length);
        bool isSame = steps == SequenceShape.Shape.RecordsIn(other.Length)
            && U64(one, 0) == U64(other, 0)
            && one[SequenceShape.BedOffset] % TestBed.Count == other[SequenceShape.BedOffset] % TestBed.Count;
        for (int i = 0; isSame && i < steps; i++)
        {
            int at = SequenceShape.HeaderSize + (i * SequenceShape.StepSize);
            isSame = AreSameStep(one.Slice(at, SequenceShape.StepSize), other.Slice(at, SequenceShape.StepSize));
        }

        return isSame;
    }

    private static bool AreSameStep(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        var kind = (StepKind)(one[0] % SequenceShape.KindCount);
        if (kind != (StepKind)(other[0] % SequenceShape.KindCount)) return false;
        return kind switch
        {
            StepKind.DmaRead or StepKind.DmaWrite => one[SequenceShape.DmaEndpoint..SequenceShape.DmaLength].SequenceEqual(other[SequenceShape.DmaEndpoint..SequenceShape.DmaLength])
                && one[SequenceShape.DmaLength] % SequenceShape.MaximumDma == other[SequenceShape.DmaLength] % SequenceShape.MaximumDma,
            StepKind.WriteBypass => one[SequenceShape.BodyOffset] == other[SequenceShape.BodyOffset],
            StepKind.DeviceReset or StepKind.SystemReset => U64(one, SequenceShape.ResetFeatures) == U64(other, SequenceShape.ResetFeatures),
            _ => AreSameRequest(kind, one, other),
        };
    }

    private static bool AreSameRequest(StepKind kind, ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        var request = SequenceTarget.Encode(kind, one, stackalloc byte[SequenceTarget.LongestRequest]);
        var again = SequenceTarget.Encode(kind, other, stackalloc byte[SequenceTarget.LongestRequest]);
        if (!request.SequenceEqual(again) || one[SequenceShape.FramingOffset] % 4 != other[SequenceShape.FramingOffset] % 4) return false;
        int writable = BinaryPrimitives.ReadUInt16LittleEndian(one[SequenceShape.WritableOffset..]);
        int writableAgain = BinaryPrimitives.ReadUInt16LittleEndian(other[SequenceShape.WritableOffset..]);
        if (writable == writableAgain) return true;
        // What a PROBE needs is the device's to say; every other request needs its tail.
        bool isProbe = !request.IsEmpty && request[0] == RequestLayout.Probe;
        if (isProbe && (writable == SequenceShape.NaturalWritable || writableAgain == SequenceShape.NaturalWritable)) return false;
        return Lent(writable) == Lent(writableAgain);
    }

    private static int Lent(int writable) => writable == SequenceShape.NaturalWritable ? Requests.TailSize : Math.Min(writable, RequestMachine.MaximumWritable);

    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
}
