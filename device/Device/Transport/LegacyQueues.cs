using System.Numerics;
using Viommu.Device.Lifecycle;
using Viommu.Device.Virtqueue;
using Viommu.Device.Wire;

namespace Viommu.Device.Transport;

/// <summary>
/// Queues as the legacy interfaces place them (sections 2.7.2, 4.1.4.10 and 4.2.4): the number of a page, where the parts follow each
/// other in one contiguous area.
/// </summary>
internal sealed class LegacyQueues
{
    private readonly VirtioCore _core;
    private readonly uint[] _alignments;

    public LegacyQueues(VirtioCore core)
    {
        _core = core;
        _alignments = new uint[core.QueueCount];
        Reset();
    }

    /// <summary>
    /// Size of the pages that are counted, in bytes. The driver sets it before any queue is used: once one is, it stays. It outlives a
    /// device reset, because drivers write it before the reset that initialization begins with.
    /// </summary>
    public uint PageSize { get; private set; } = LegacyRing.PageSize;

    /// <summary>Takes over a page size that is a power of two; another one is ignored.</summary>
    public void TrySetPageSize(uint size)
    {
        if (BitOperations.IsPow2(size) && !IsAnyInUse()) PageSize = size;
    }

    /// <summary>Takes over the alignment of the used ring, in bytes, of a queue not in use; what is no power of two is ignored.</summary>
    public void TrySetAlignment(int index, uint alignment)
    {
        if (_core.Queue(index) is { IsEnabled: false } && BitOperations.IsPow2(alignment)) _alignments[index] = alignment;
    }

    /// <summary>The page that the queue starts in; 0 where it is not in use, or there is none.</summary>
    public uint PageNumber(int index) => _core.Queue(index) is { IsEnabled: true } queue ? (uint)(queue.DescriptorArea / PageSize) : 0;

    /// <summary>The driver uses the queue in that page, or, with 0, no longer. A queue in use is not moved.</summary>
    public void Place(int index, uint pageNumber)
    {
        if (_core.Queue(index) is not { } queue) return;
        if (pageNumber == 0) Stop(index, queue);
        else if (!queue.IsEnabled) Start(index, queue, (ulong)pageNumber * PageSize);
    }

    /// <summary>Device reset: no queue has an alignment of its own.</summary>
    public void Reset() => _alignments.AsSpan().Fill(LegacyRing.PageSize);

    /// <summary>System reset: the page size goes back as well.</summary>
    public void SystemReset() => PageSize = LegacyRing.PageSize;

    public void Save(StateWriter writer)
    {
        writer.U32(PageSize);
        foreach (uint alignment in _alignments) writer.U32(alignment);
    }

    /// <summary>Reads what <see cref="Save"/> wrote; the action takes it over.</summary>
    public Action Load(ref StateReader reader)
    {
        int start = reader.Position;
        uint pageSize = reader.U32();
        if (!BitOperations.IsPow2(pageSize)) reader.Fail(StateFault.Value, start);
        var alignments = new uint[_alignments.Length];
        for (int i = 0; i < alignments.Length; i++)
        {
            start = reader.Position;
            alignments[i] = reader.U32();
            if (!BitOperations.IsPow2(alignments[i])) reader.Fail(StateFault.Value, start);
        }

        return () =>
        {
            PageSize = pageSize;
            alignments.CopyTo(_alignments, 0);
        };
    }

    private void Start(int index, DeviceQueue queue, ulong start)
    {
        queue.DescriptorArea = start;
        queue.DriverArea = start + LegacyRing.Available(queue.Size);
        queue.DeviceArea = start + LegacyRing.Used(queue.Size, _alignments[index]);
        queue.Enable();
    }

    private void Stop(int index, DeviceQueue queue)
    {
        queue.Reset();
        _alignments[index] = LegacyRing.PageSize;
    }

    private bool IsAnyInUse()
    {
        for (int index = 0; index < _core.QueueCount; index++)
        {
            if (_core.Queue(index) is { IsEnabled: true }) return true;
        }

        return false;
    }
}
