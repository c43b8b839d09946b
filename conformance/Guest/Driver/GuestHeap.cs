using Viommu.Guest.Targets;

namespace Viommu.Guest.Driver;

/// <summary>Hands out guest memory from the bottom of the window up; all of it is given back at once, between two checks.</summary>
public sealed class GuestHeap(IGuestRam ram)
{
    private ulong next = ram.Window.First;

    /// <summary>Reserves <paramref name="size"/> bytes at a multiple of <paramref name="alignment"/> (a power of two); their content is whatever it was.</summary>
    public ulong Allocate(ulong size, ulong alignment)
    {
        var at = (next + alignment - 1) & ~(alignment - 1);
        if (at > ram.Window.Last || size > ram.Window.Last - at + 1)
            throw new GuestSetupException($"guest memory is used up: {size} bytes do not fit behind 0x{next:x}");
        next = at + size;
        return at;
    }

    /// <summary>Reserves and zeroes.</summary>
    public ulong AllocateZeroed(ulong size, ulong alignment)
    {
        var at = Allocate(size, alignment);
        ram.Write(at, new byte[size]);
        return at;
    }

    /// <summary>Gives everything back.</summary>
    public void Clear() => next = ram.Window.First;
}
