using Viommu.Conformance.Checks.Pci;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>A byte of configuration space, and what a broken device shows there.</summary>
internal readonly record struct ShownByte(int At, byte Value);

/// <summary>A device that shows other bytes in configuration space than the reference device has; nothing else is different.</summary>
/// <param name="inner">The reference device's machine.</param>
/// <param name="shown">The bytes, given the function without what is intercepted.</param>
/// <param name="whileRunning">True where they show between DRIVER_OK and reset only.</param>
internal class ShowsConfiguration(ITarget inner, Func<PciFunction, IEnumerable<ShownByte>> shown, bool whileRunning = false) : RegisterInterceptor(inner)
{
    /// <summary>Behind the capabilities of the reference device.</summary>
    public const int FreeSpace = 0xa4;

    private const int CapabilitiesPointer = 0x34;

    private Dictionary<int, byte>? bytes;
    private bool isRunning;

    public override uint ConfigRead(PciAddress function, int offset, int width)
    {
        var value = base.ConfigRead(function, offset, width);
        if (function != Function.Address || (whileRunning && !isRunning)) return value;
        bytes ??= shown(Function).ToDictionary(b => b.At, b => b.Value);
        for (var i = 0; i < width; i++)
        {
            if (bytes.TryGetValue(offset + i, out var b)) value = (value & ~(0xffu << 8 * i)) | (uint)b << 8 * i;
        }
        return value;
    }

    protected override void WriteStatus(DeviceStatus status)
    {
        base.WriteStatus(status);
        isRunning = (status & DeviceStatus.DriverOk) != 0;
    }

    /// <summary>Where the reference device's capability of a type is.</summary>
    public static int At(PciFunction function, StructureType type) => VirtioCapability.All(function, type)[0].At;

    /// <summary>A value of four bytes.</summary>
    public static IEnumerable<ShownByte> Dword(int at, uint value) => BitConverter.GetBytes(value).Select((b, i) => new ShownByte(at + i, b));

    /// <summary>Capabilities added at the end of the list, each given without its ID and link.</summary>
    public static IEnumerable<ShownByte> Added(PciFunction function, params byte[][] capabilities) =>
        Linked(function.Capabilities().Last().Offset + 1, 0, capabilities);

    /// <summary>Capabilities put in front of the list.</summary>
    public static IEnumerable<ShownByte> InFront(PciFunction function, params byte[][] capabilities) =>
        Linked(CapabilitiesPointer, function.Capabilities().First().Offset, capabilities);

    /// <summary>Capabilities linked from one place of the list, and leading to the capability at another.</summary>
    public static IEnumerable<ShownByte> Linked(int link, int next, params byte[][] capabilities)
    {
        var at = FreeSpace;
        foreach (var body in capabilities)
        {
            yield return new ShownByte(link, (byte)at);
            link = at + 1;
            yield return new ShownByte(at, PciCapability.VendorSpecific);
            for (var i = 0; i < body.Length; i++) yield return new ShownByte(at + 2 + i, body[i]);
            at = (at + 2 + body.Length + 3) & ~3;
        }
        yield return new ShownByte(link, (byte)next);
    }

    /// <summary>A struct virtio_pci_cap that points into BAR 0, with what follows it.</summary>
    public static byte[] Structure(StructureType type, uint offset, uint length, params uint[] extra) =>
        [(byte)(VirtioCapability.PlainSize + 4 * extra.Length), (byte)type, 0, 0, 0, 0, .. BitConverter.GetBytes(offset), .. BitConverter.GetBytes(length), .. extra.SelectMany(BitConverter.GetBytes)];
}

/// <summary>A device that lets the guest write a byte of configuration space which is read-only.</summary>
internal sealed class WritableByte(ITarget inner, Func<PciFunction, int> at) : RegisterInterceptor(inner)
{
    private byte? written;

    public override uint ConfigRead(PciAddress function, int offset, int width)
    {
        var value = base.ConfigRead(function, offset, width);
        if (function != Function.Address || written is not { } b || !IsTouched(offset, width, out var shift)) return value;
        return (value & ~(0xffu << shift)) | (uint)b << shift;
    }

    public override void ConfigWrite(PciAddress function, int offset, int width, uint value)
    {
        base.ConfigWrite(function, offset, width, value);
        if (function == Function.Address && IsTouched(offset, width, out var shift)) written = (byte)(value >> shift);
    }

    private bool IsTouched(int offset, int width, out int shift)
    {
        var place = at(Function) - offset;
        shift = 8 * place;
        return place >= 0 && place < width;
    }
}
