using System.Buffers.Binary;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;

namespace Viommu.Conformance.Selftest;

/// <summary>
/// Stands between the driver's doorbell and the request queue. All that the reference device has to do is done when a doorbell
/// returns, so what it finds in the rings can be changed before, and what it wrote there before the driver looks.
/// </summary>
internal abstract class QueueInterceptor(ITarget inner) : RegisterInterceptor(inner)
{
    protected override void Notify(Doorbell doorbell)
    {
        if (doorbell.Queue == IommuDriver.RequestQueueNumber && FindQueue() is { } queue) Serve(doorbell, queue);
        else base.Notify(doorbell);
    }

    /// <summary>A doorbell of the request queue, which is where <paramref name="queue"/> says.</summary>
    protected abstract void Serve(Doorbell doorbell, Queue queue);

    /// <summary>Has the reference device serve the queue.</summary>
    protected void Pass(Doorbell doorbell) => base.Notify(doorbell);

    /// <summary>The driver accepted every one of these features.</summary>
    protected bool IsNegotiated(ulong features) => (DriverFeatures() & features) == features;

    /// <summary>Guest memory by words.</summary>
    protected ushort Read16(ulong at)
    {
        Span<byte> bytes = stackalloc byte[2];
        Ram.Read(at, bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    /// <summary>Writes guest memory by words.</summary>
    protected void Write16(ulong at, ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        Ram.Write(at, bytes);
    }

    /// <summary>Guest memory by bytes.</summary>
    protected byte[] Read(ulong at, int length)
    {
        var bytes = new byte[length];
        Ram.Read(at, bytes);
        return bytes;
    }

    /// <summary>True where guest memory has all of these bytes.</summary>
    protected bool IsInMemory(ulong at, int length) => at >= Ram.Window.First && at <= Ram.Window.Last && Ram.Window.Last - at >= (ulong)length - 1;

    private Queue? FindQueue() => With(CommonField.QueueSelect, IommuDriver.RequestQueueNumber, () => Real(CommonField.QueueEnable) == 0 ? null : new Queue(
        (int)Real(CommonField.QueueSize),
        Address(CommonField.QueueDescLow, CommonField.QueueDescHigh),
        Address(CommonField.QueueDriverLow, CommonField.QueueDriverHigh),
        Address(CommonField.QueueDeviceLow, CommonField.QueueDeviceHigh)));

    private ulong Address(CommonField low, CommonField high) => Real(low) | Real(high) << 32;

    /// <summary>Where the request queue is.</summary>
    internal sealed record Queue(int Size, ulong Descriptors, ulong Driver, ulong Device);
}
