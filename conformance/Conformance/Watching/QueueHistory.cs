namespace Viommu.Conformance.Watching;

/// <summary>What is known of a virtqueue since the device, or the queue, was reset.</summary>
public sealed class QueueHistory
{
    private readonly Dictionary<QueueField, ulong> read = [];
    private readonly Dictionary<QueueField, ulong> written = [];

    internal QueueHistory(int number) => Number = number;

    /// <summary>The queue's number.</summary>
    public int Number { get; }

    /// <summary>Chains that the device has, oldest first.</summary>
    public List<Chain> Outstanding { get; } = [];

    /// <summary>True once the driver has enabled it: on a legacy interface, once it has told where it is.</summary>
    public bool IsEnabled => Written(QueueField.Enable) is > 0 || Written(QueueField.PageNumber) is > 0;

    /// <summary>True from the driver's request to reset it until it is seen to be done.</summary>
    public bool IsResetting { get; private set; }

    /// <summary>Size in descriptors, as far as it is known: what the driver wrote, or else what it read.</summary>
    public ulong? Size => Written(QueueField.Size) ?? Read(QueueField.Size) ?? Read(QueueField.SizeMax);

    /// <summary>What the driver read of a register last; null where it has not.</summary>
    public ulong? Read(QueueField field) => read.TryGetValue(field, out var value) ? value : null;

    /// <summary>What the driver wrote to a register last; null where it has not.</summary>
    public ulong? Written(QueueField field) => written.TryGetValue(field, out var value) ? value : null;

    /// <summary>A 64-bit register of two halves; null unless both were written.</summary>
    public ulong? Address(QueueField low, QueueField high) => Written(low) is { } l && Written(high) is { } h ? h << 32 | l : null;

    internal void Take(QueueRead seen)
    {
        read[seen.Field] = seen.Value;
        if (seen is not { Field: QueueField.Reset, Value: 0 } || !IsResetting) return;

        // 2.6.1: the queue is as it was before it was configured.
        IsResetting = false;
        written.Clear();
        Outstanding.Clear();
    }

    internal void Take(QueueWritten seen)
    {
        written[seen.Field] = seen.Value;
        if (seen is { Field: QueueField.Reset, Value: 1 }) IsResetting = true;

        // MMIO: QueueReady 0, and on the legacy interfaces page 0, take a queue out of use.
        if (seen is { Field: QueueField.Enable or QueueField.PageNumber, Value: 0 }) Outstanding.Clear();
    }
}
