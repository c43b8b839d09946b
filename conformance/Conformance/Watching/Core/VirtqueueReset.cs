namespace Viommu.Conformance.Watching.Core;

/// <summary>Virtqueue Reset and Re-enable (2.6.1), driver's side.</summary>
internal static class VirtqueueReset
{
    [Rule("CORE-VQRESET-V-01", Needs = Sight.Registers, Transports = [WatchedTransport.Pci, WatchedTransport.Mmio],
        Does = "After a driver has asked for the reset of a queue, waits for what it does next with that queue.",
        Reading = "It has read that the reset is done before it configures, enables or uses the queue again.")]
    public static void A_queue_reset_is_verified(Judge judge, Observation seen)
    {
        switch (seen)
        {
            case QueueRead { Field: QueueField.Reset, Value: 0 } read when judge.Driver.Queue(read.Queue).IsResetting:
                judge.Kept();
                break;
            case QueueWritten { Field: not QueueField.Reset } written when judge.Driver.Queue(written.Queue).IsResetting:
                judge.That(false, $"a read of the reset register of queue {written.Queue} as 0 before the queue is used again", $"{written}");
                break;
            case ChainAvailable { Chain: var chain } when judge.Driver.Queue(chain.Queue).IsResetting:
                judge.That(false, $"a read of the reset register of queue {chain.Queue} as 0 before the queue is used again", $"{seen}");
                break;
        }
    }

    [Rule("CORE-VQENABLE-V-01", Needs = Sight.Registers, Transports = [WatchedTransport.Pci, WatchedTransport.Mmio],
        Does = "Where a queue that was reset is enabled again, looks for the registers that say where it is.",
        Reading = "All three addresses were written again since the reset. Its size has a value after a reset, the maximum, which the driver may leave.")]
    public static void A_queue_is_configured_anew_before_it_is_enabled_again(Judge judge, Observation seen)
    {
        var reset = judge.Keep<HashSet<int>>();
        switch (seen)
        {
            case QueueRead { Field: QueueField.Reset, Value: 0 } read when judge.Driver.Queue(read.Queue).IsResetting:
                reset.Add(read.Queue);
                break;
            case QueueWritten { Field: QueueField.Enable, Value: not 0 } enabled when reset.Remove(enabled.Queue):
                var queue = judge.Driver.Queue(enabled.Queue);
                QueueField[] needed =
                [
                    QueueField.DescriptorsLow, QueueField.DescriptorsHigh, QueueField.DriverLow, QueueField.DriverHigh, QueueField.DeviceLow, QueueField.DeviceHigh,
                ];
                var missing = needed.Where(field => queue.Written(field) is null).ToList();
                judge.That(missing.Count == 0, $"the addresses of queue {enabled.Queue} written before it is enabled again", $"{string.Join(", ", missing)} not written since the reset");
                break;
            case StatusWritten { Status: 0 } or SystemWasReset:
                reset.Clear();
                break;
        }
    }
}
