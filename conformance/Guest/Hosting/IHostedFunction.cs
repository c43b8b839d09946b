using Viommu.Device.Transport.Pci;
using Viommu.Guest.Targets;

namespace Viommu.Guest.Hosting;

/// <summary>A PCI function of this process in a machine of another, as the machine reaches it.</summary>
internal interface IHostedFunction
{
    /// <summary>Reads <paramref name="width"/> (1, 2 or 4) bytes of configuration space, aligned.</summary>
    uint ConfigRead(int offset, int width);

    /// <summary>Writes <paramref name="width"/> (1, 2 or 4) bytes of configuration space, aligned.</summary>
    void ConfigWrite(int offset, int width, uint value);

    /// <summary>Reads <paramref name="width"/> (1, 2, 4 or 8) bytes of its memory BARs, by bus address; all ones where none of them is.</summary>
    ulong MemoryRead(ulong address, int width);

    /// <summary>Writes <paramref name="width"/> (1, 2, 4 or 8) bytes of its memory BARs, by bus address.</summary>
    void MemoryWrite(ulong address, int width, ulong value);

    /// <summary>The machine's reset line.</summary>
    void Reset();
}

/// <summary>The virtio-iommu of a target that is a PCI function.</summary>
internal sealed class TargetFunction(ITarget target, PciAddress address) : IHostedFunction
{
    public uint ConfigRead(int offset, int width) => target.ConfigRead(address, offset, width);

    public void ConfigWrite(int offset, int width, uint value) => target.ConfigWrite(address, offset, width, value);

    public ulong MemoryRead(ulong address, int width) => target.MmioRead(address, width);

    public void MemoryWrite(ulong address, int width, ulong value) => target.MmioWrite(address, width, value);

    public void Reset() => target.SystemReset();
}

/// <summary>A function that is an endpoint; <paramref name="accessed"/> is called whenever it may have made accesses of its own.</summary>
internal sealed class EndpointFunction(VirtioPciFunction function, Action accessed) : IHostedFunction
{
    public uint ConfigRead(int offset, int width) => function.ConfigRead(offset, width);

    public void ConfigWrite(int offset, int width, uint value)
    {
        function.ConfigWrite(offset, width, value);
        accessed();
    }

    public ulong MemoryRead(ulong address, int width) => function.TryMmioRead(address, width, out ulong value) ? value : ulong.MaxValue;

    public void MemoryWrite(ulong address, int width, ulong value)
    {
        function.TryMmioWrite(address, width, value);
        accessed();
    }

    public void Reset() => function.SystemReset();
}
