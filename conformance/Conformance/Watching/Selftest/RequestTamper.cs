using Viommu.Conformance.Watching.Live;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>
/// A driver whose requests have other bytes than they should. A request is known by its first byte and its length among all that the
/// driver writes to memory: the suite's driver writes each in one piece, with guard bytes around it.
/// </summary>
/// <param name="inner">What it drives.</param>
/// <param name="type">Which requests are changed.</param>
/// <param name="change">Changes the device-readable bytes of one.</param>
internal sealed class RequestTamper(WatchedTarget inner, byte type, Action<byte[]> change) : DriverTamper(inner)
{
    // GuardedBuffer: 16 bytes of 0x5a on both sides.
    private const int GuardSize = 16;
    private const byte Guard = 0x5a;

    private static readonly Dictionary<byte, int> Lengths = new()
    {
        [RequestType.Attach] = 20,
        [RequestType.Detach] = 20,
        [RequestType.Map] = 36,
        [RequestType.Unmap] = 28,
        [RequestType.Probe] = 72,
    };

    protected override void WriteRam(ulong address, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == Lengths[type] + 2 * GuardSize && bytes[GuardSize] == type && bytes[..GuardSize].IndexOfAnyExcept(Guard) < 0)
        {
            var request = bytes[GuardSize..^GuardSize].ToArray();
            change(request);
            var changed = bytes.ToArray();
            request.CopyTo(changed, GuardSize);
            PassRam(address, changed);
        }
        else PassRam(address, bytes);
    }
}
