using System.Buffers.Binary;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Oracle;

/// <summary>IOMMU Device / Device operations / Fault reporting. A device need not report; what it reports has to fit what was done.</summary>
internal sealed class FaultRules
{
    private const int Kept = 256;
    private const uint DefinedFlags = FaultReport.ReadFlag | FaultReport.WriteFlag | FaultReport.AddressFlag;

    // Reports can come late and stand for several faults, so the accesses of a while back count.
    private readonly Access[] accesses = new Access[Kept];
    private int recorded;

    public void Clear() => recorded = 0;

    /// <summary>Takes note of an access, and of the reasons for which it can have been refused.</summary>
    public void Note(uint endpoint, ulong address, int length, bool isUnattached, bool isUnmapped) =>
        accesses[recorded++ % Kept] = new Access(endpoint, address, length, isUnattached, isUnmapped);

    /// <summary>The clause that a report breaks; <see cref="OracleClause.Silence"/> where it breaks none, or is shorter than this version's.</summary>
    public OracleClause Judge(ReadOnlySpan<byte> buffer, uint usedLength, DeviceFacts facts)
    {
        if (usedLength < FaultReport.Size || buffer.Length < FaultReport.Size) return OracleClause.Silence;
        if (buffer[1..4].IndexOfAnyExcept((byte)0) >= 0 || buffer[12..16].IndexOfAnyExcept((byte)0) >= 0) return OracleClause.FaultD01;
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(buffer[4..]);
        if ((flags & ~DefinedFlags) != 0) return OracleClause.FaultD02;

        var endpoint = BinaryPrimitives.ReadUInt32LittleEndian(buffer[8..]);

        // More accesses than are kept: one of those that are not may be meant.
        if (recorded > Kept) return facts.Find(endpoint) is null ? OracleClause.FaultD03 : OracleClause.Silence;
        var (named, unattached, unmapped, near) = (false, false, false, false);
        var address = BinaryPrimitives.ReadUInt64LittleEndian(buffer[16..]);
        var coarse = ~(Math.Max(facts.Granule, 4096) - 1);
        foreach (ref readonly var access in accesses.AsSpan(0, recorded))
        {
            if (access.Endpoint != endpoint) continue;
            named = true;
            unattached |= access.IsUnattached;
            unmapped |= access.IsUnmapped;
            var last = unchecked(access.Address + (ulong)access.Length - 1);
            near |= (address & coarse) == (access.Address & coarse) || (address & coarse) == (last & coarse);
        }
        if (!named) return OracleClause.FaultD03;
        if ((flags & FaultReport.AddressFlag) != 0 && !near) return OracleClause.FaultD04;

        // UNKNOWN is what a device says that cannot tell.
        return buffer[0] switch
        {
            FaultReport.ReasonUnknown => OracleClause.Silence,
            FaultReport.ReasonDomain when unattached || !unmapped => OracleClause.Silence,
            FaultReport.ReasonMapping when unmapped || !unattached => OracleClause.Silence,
            _ when unattached && !unmapped => OracleClause.DescIommu16,
            _ when unmapped && !unattached => OracleClause.DescIommu17,
            _ => OracleClause.Silence,
        };
    }

    private readonly record struct Access(uint Endpoint, ulong Address, int Length, bool IsUnattached, bool IsUnmapped);
}
