namespace Viommu.Conformance.Watching.Registers;

/// <summary>Access to registers of which each has a width of its own.</summary>
internal static class SplitAccess
{
    /// <summary>
    /// The parts of an access that cover whole registers, each at its natural width; nothing for an access that cuts one or misses.
    /// </summary>
    public static IEnumerable<(uint Offset, int Width, ulong Value)> Parts(RegisterAccess access, Func<uint, int?> widthAt)
    {
        var parts = new List<(uint, int, ulong)>();
        for (var done = 0; done < access.Width;)
        {
            var offset = access.Offset + (uint)done;
            if (widthAt(offset) is not { } width || done + width > access.Width) return [];
            parts.Add((offset, width, access.Value >> 8 * done & ulong.MaxValue >> 64 - 8 * width));
            done += width;
        }
        return parts;
    }
}
