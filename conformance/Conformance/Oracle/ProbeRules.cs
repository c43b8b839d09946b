using System.Buffers.Binary;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Oracle;

/// <summary>IOMMU Device / Device operations / PROBE request and PROBE properties.</summary>
internal static class ProbeRules
{
    public static void Collect(DeviceFacts facts, in DecodedRequest request, RuleSet rules)
    {
        (rules.OnSuccess, rules.OnDeviation) = (Effects.Unchanged, Effects.Unchanged);
        if (request.WritableLength < facts.ProbeSize + Request.TailSize) rules.Demand(OracleClause.ProbeD09, Answers.Inval);
        var exists = facts.Exists(request.Endpoint);
        if (exists == false) rules.Demand(OracleClause.ProbeD02, Answers.NoEnt);
        if (exists is null) rules.Permit(OracleClause.Silence, Answers.AnyRejection);
    }

    /// <summary>The clause that the properties area breaks, beside a status that is right; <see cref="OracleClause.Silence"/> where it breaks none.</summary>
    public static OracleClause Content(DeviceFacts facts, in DecodedRequest request, Answers answer, in AnswerView seen)
    {
        var area = seen.Reply[..request.TailOffset];
        if (area.Length < facts.ProbeSize)
        {
            // An area that is too small takes no property: it is left as it was, or zeroed.
            return area.IndexOfAnyExcept(seen.Poison, (byte)0) < 0 ? OracleClause.Silence : OracleClause.ProbeD08;
        }
        return answer == Answers.Ok ? Properties(area) : OracleClause.Silence;
    }

    /// <summary>Walks the list: header, value, next header, until a property of type 0 or the end of the area.</summary>
    private static OracleClause Properties(ReadOnlySpan<byte> area)
    {
        const int Header = ProbeProperty.HeaderSize;
        var (at, doorbells) = (0, 0);
        while (area.Length - at >= Header)
        {
            var word = BinaryPrimitives.ReadUInt16LittleEndian(area[at..]);
            if ((word & 0xfff) == 0) break;
            var length = BinaryPrimitives.ReadUInt16LittleEndian(area[(at + 2)..]);
            if ((word & 0xfff) == ProbeProperty.ReservedMemory && length != ReservedRegion.ValueSize) return OracleClause.ProbeD06;
            if (length > area.Length - at - Header) return OracleClause.DescIommu14;
            if (word >> 12 != 0) return OracleClause.ProbeD05;
            if ((word & 0xfff) == ProbeProperty.ReservedMemory)
            {
                var value = area.Slice(at + Header, length);
                if (value[0] == ReservedRegion.MsiSubtype && ++doorbells > 1) return OracleClause.ResvD02;
                if (value[1..4].IndexOfAnyExcept((byte)0) >= 0) return OracleClause.ResvD01;
                if (OverlapsEarlier(area[..at], value)) return OracleClause.ResvD03;
            }
            at += Header + length;
        }
        if (area[at..].IndexOfAnyExcept((byte)0) < 0) return OracleClause.Silence;

        // A RESV_MEM header behind the end is a property that a walk of length + 4 bytes does not come upon.
        ReadOnlySpan<byte> stray = [(byte)ProbeProperty.ReservedMemory, 0, ReservedRegion.ValueSize, 0];
        return area[at..].IndexOf(stray) >= 0 ? OracleClause.ProbeD07 : OracleClause.ProbeD10;
    }

    private static bool OverlapsEarlier(ReadOnlySpan<byte> before, ReadOnlySpan<byte> value)
    {
        var (first, last) = RangeOf(value);
        for (var at = 0; at < before.Length; at += ProbeProperty.HeaderSize + BinaryPrimitives.ReadUInt16LittleEndian(before[(at + 2)..]))
        {
            if ((BinaryPrimitives.ReadUInt16LittleEndian(before[at..]) & 0xfff) != ProbeProperty.ReservedMemory) continue;
            var (start, end) = RangeOf(before[(at + ProbeProperty.HeaderSize)..]);
            if (start <= last && first <= end) return true;
        }
        return false;
    }

    private static (ulong First, ulong Last) RangeOf(ReadOnlySpan<byte> value) =>
        (BinaryPrimitives.ReadUInt64LittleEndian(value[4..]), BinaryPrimitives.ReadUInt64LittleEndian(value[12..]));
}
