using Viommu.Conformance.Watching.Core;

namespace Viommu.Conformance.Watching.Mmio;

/// <summary>MMIO Device Register Layout (4.2.2.2): the registers of queues.</summary>
internal static class MmioQueues
{
    [Rule("MMIO-REG-V-14", Needs = Sight.Registers, Transports = [WatchedTransport.Mmio],
        Does = "Compares what the driver writes to QueueSize with what it read from QueueSizeMax.",
        Reading = "It is no more.")]
    public static void QueueSize_does_not_exceed_QueueSizeMax(Judge judge, QueueWritten seen)
    {
        if (seen.Field == QueueField.Size && judge.Driver.Queue(seen.Queue).Read(QueueField.SizeMax) is { } maximum)
            judge.That(seen.Value <= maximum, $"a QueueSize of at most {maximum} for queue {seen.Queue}", $"{seen.Value}");
    }

    [Rule("MMIO-REG-V-15", Needs = Sight.Registers, Transports = [WatchedTransport.Mmio],
        Does = "Looks for accesses to QueueSize and the six address registers of a queue that the driver has made ready.",
        Reading = "There are none until QueueReady is 0 again.")]
    public static void Size_and_addresses_of_a_ready_queue_are_left_alone(Judge judge, Observation seen)
    {
        var (queue, field) = seen switch
        {
            QueueWritten written => (written.Queue, written.Field),
            QueueRead read => (read.Queue, read.Field),
            _ => (-1, default),
        };
        if (queue < 0 || field is not (QueueField.Size or (>= QueueField.DescriptorsLow and <= QueueField.DeviceHigh))) return;
        judge.That(!judge.Driver.Queue(queue).IsEnabled, $"no access to {field} of queue {queue} while it is ready", $"{seen}");
    }

    [Rule("MMIO-REG-V-16", Needs = Sight.Registers | Sight.Conclusions, Transports = [WatchedTransport.Mmio],
        Does = "Where the driver says that a queue is out of use, the device not having been reset, looks for what it wrote to QueueReady.",
        Reading = "0.")]
    public static void A_queue_is_stopped_by_QueueReady(Judge judge, QueueStopped seen) =>
        judge.That(!judge.Driver.Queue(seen.Queue).IsEnabled, $"0 written to QueueReady of queue {seen.Queue}, which is out of use", "it is still 1");

    [Rule("MMIO-REG-V-17", Needs = Sight.Registers, Transports = [WatchedTransport.Mmio],
        Does = "Where the driver wrote 0 to QueueReady of a queue in use, waits for what it does next.",
        Reading = "It reads QueueReady back, before it sets the queue up again, resets the device, or says that the queue is out of use.")]
    public static void QueueReady_is_read_back_after_a_queue_was_stopped(Judge judge, Observation seen)
    {
        var stopped = judge.Keep<HashSet<int>>();
        switch (seen)
        {
            case QueueWritten { Field: QueueField.Enable, Value: 0 } written when judge.Driver.Queue(written.Queue).IsEnabled:
                stopped.Add(written.Queue);
                break;
            case QueueRead { Field: QueueField.Enable } read when stopped.Remove(read.Queue):
                judge.Kept();
                break;
            case QueueWritten written when stopped.Remove(written.Queue):
                judge.That(false, $"a read of QueueReady of queue {written.Queue} after 0 was written to it", $"{seen}");
                break;
            case QueueStopped done when stopped.Remove(done.Queue):
                judge.That(false, $"a read of QueueReady of queue {done.Queue} after 0 was written to it", $"{seen}");
                break;
            case SystemWasReset:
                stopped.Clear();
                break;
        }
    }

    [Rule("MMIO-REG-V-21", Needs = Sight.Registers, Transports = [WatchedTransport.Mmio],
        Does = "After a driver has written 1 to QueueReset, waits for what it does next with that queue.",
        Reading = "It has read 0 from QueueReset before it configures, enables or uses the queue again.")]
    public static void A_queue_reset_is_over_once_QueueReset_reads_0(Judge judge, Observation seen) => VirtqueueReset.A_queue_reset_is_verified(judge, seen);
}
