using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Pci;

/// <summary>ISR status (4.1.4.5), MSI-X vectors (4.1.5.1.2) and configuration change notifications (4.1.5.4), driver's side.</summary>
internal static class Interrupts
{
    // Stands for configuration changes among the numbers of queues.
    private const int Configuration = -1;

    [Rule("PCI-ISR-V-01", Needs = Sight.Registers | Sight.PciConfiguration, Transports = [WatchedTransport.Pci],
        Does = "With MSI-X enabled, looks at the next register access after the device has used a buffer.",
        Reading = "It is no read of the ISR status, unless that tells of a configuration change, for which the driver may look. At other times it may look as well.")]
    public static void The_ISR_status_is_left_alone_after_a_used_buffer_with_MSI_X(Judge judge, Observation seen)
    {
        var state = judge.Keep<MessageState>();
        state.Take(judge, seen);
        if (seen is ChainUsed && judge.Driver.IsLive && state.IsEnabled) state.HasUsed = true;
        if (seen is not RegisterAccess access || !state.HasUsed) return;
        state.HasUsed = false;
        judge.That(access is not { Space: RegisterSpace.PciIsr, IsWrite: false } || (access.Value & (ulong)Notifications.Config) != 0,
            "no read of the ISR status for a used buffer, with MSI-X enabled", $"{access}");
    }

    [Rule("PCI-MSIX-V-01", Needs = Sight.Status | Sight.Registers | Sight.Conclusions, Transports = [WatchedTransport.Pci],
        Does = "Presents MSI-X tables of 1, 2, 3 and 0x800 entries.",
        Reading = "The driver gets the device to run. One that gives up for a reason of its own is not judged: where the device refuses features or a mapping, sets "
            + "DEVICE_NEEDS_RESET, or lacks a queue.")]
    public static void Any_Table_Size_is_supported(Judge judge, Observation seen)
    {
        if (PciView.Of(judge) is not { Vectors: > 0 } view) return;
        var state = judge.Keep<Attempt>();
        switch (seen)
        {
            case QueueRead { Field: QueueField.Size, Value: 0 } or QueueRead { Field: QueueField.MsixVector, Value: MsixTable.NoVector }
                or RegisterAccess { Space: RegisterSpace.PciCommon, Offset: 0x10, IsWrite: false, Value: MsixTable.NoVector }:
                state.IsExcused = true;
                break;
            case StatusWritten written when (written.Status & DeviceStatus.DriverOk) != 0:
                judge.Kept();
                break;
            case StartConcluded { Works: false } when judge.Driver.Negotiated is not null && !state.IsExcused && (judge.Driver.Status & DeviceStatus.NeedsReset) == 0:
                judge.That(false, $"a device with {view.Vectors} MSI-X vectors brought to DRIVER_OK", $"{seen}");
                break;
            case StatusWritten { Status: DeviceStatus.None }:
                state.IsExcused = false;
                break;
        }
    }

    [Rule("PCI-MSIX-V-04", Needs = Sight.Registers, Transports = [WatchedTransport.Pci],
        Does = "Compares every vector that the driver writes with Table Size.",
        Reading = "It is in the table, or NO_VECTOR.")]
    public static void No_event_is_mapped_beyond_the_table(Judge judge, Observation seen)
    {
        if (PciView.Of(judge) is not { Vectors: > 0 } view || Mapped(seen) is not { } mapped) return;
        judge.That(mapped.Vector == MsixTable.NoVector || mapped.Vector < (ulong)view.Vectors, $"a vector below {view.Vectors}, or NO_VECTOR", $"{seen}");
    }

    [Rule("PCI-MSIX-V-05", Needs = Sight.Registers | Sight.Status, Transports = [WatchedTransport.Pci],
        Does = "Follows the vectors that the driver writes, up to DRIVER_OK.",
        Reading = "Each is read back after it was written, whatever the driver makes of the answer. NO_VECTOR maps nothing, and need not be read.")]
    public static void A_mapping_is_read_back(Judge judge, Observation seen)
    {
        var state = judge.Keep<Mappings>();
        if (Mapped(seen) is { } mapped)
        {
            if (mapped.Vector == MsixTable.NoVector) state.Unread.Remove(mapped.Event);
            else (state.HasMapped, _) = (true, state.Unread.Add(mapped.Event));
        }
        switch (seen)
        {
            case QueueRead { Field: QueueField.MsixVector } read:
                state.Unread.Remove(read.Queue);
                break;
            case RegisterAccess { Space: RegisterSpace.PciCommon, IsWrite: false } read when read.Offset == CommonField.ConfigMsixVector.Offset:
                state.Unread.Remove(Configuration);
                break;
            case StatusWritten written when (written.Status & DeviceStatus.DriverOk) != 0 && state.HasMapped:
                judge.That(state.Unread.Count == 0, "each vector register read after a vector was written to it",
                    $"{seen}, without a read of the vector of {string.Join(", ", state.Unread.Order().Select(e => e == Configuration ? "configuration changes" : $"queue {e}"))}");
                state.Forget();
                break;
            case StatusWritten { Status: DeviceStatus.None }:
                state.Forget();
                break;
        }
    }

    [Rule("PCI-CNOTIFY-V-01", Uses = ["PCI-CNOTIFY-D-01"], Needs = Sight.Registers | Sight.Conclusions, Transports = [WatchedTransport.Pci],
        Does = "Has the device use an event buffer and change its configuration before the driver looks, so that one INTx interrupt stands for both.",
        Reading = "After the ISR status has told of both, the driver reads the configuration or the status, and takes in what came in the buffer, before it resets the device or ends.")]
    public static void An_interrupt_for_two_reasons_is_handled_for_both(Judge judge, Observation seen)
    {
        var state = judge.Keep<SharedInterrupt>();
        switch (seen)
        {
            case FaultDelivered { Report: not null }:
                state.HasReport = true;
                break;
            case FaultConcluded:
                state.HasReport = false;
                break;
            case InterruptStatusRead { Value: var isr } when (Notifications)(isr & 3) == (Notifications.Used | Notifications.Config) && judge.Driver.IsLive && state.HasReport:
                (state.IsShared, state.HasLooked) = (true, false);
                break;
            case ConfigRead or StatusRead:
                state.HasLooked = true;
                break;
            case SessionEnded or StatusWritten { Status: DeviceStatus.None } when state.IsShared:
                judge.That(state is { HasReport: false, HasLooked: true }, "both reasons of an interrupt handled",
                    state.HasReport ? "the driver never takes in the report that came with it" : "the driver never looks at what changed");
                (state.IsShared, state.HasReport) = (false, false);
                break;
        }
    }

    /// <summary>The event and the vector of an observation that writes one; null for any other.</summary>
    private static (int Event, ulong Vector)? Mapped(Observation seen) => seen switch
    {
        QueueWritten { Field: QueueField.MsixVector } queue => (queue.Queue, queue.Value),
        RegisterAccess { Space: RegisterSpace.PciCommon, IsWrite: true } access when access.Offset == CommonField.ConfigMsixVector.Offset => (Configuration, access.Value & 0xffff),
        _ => null,
    };

    /// <summary>Whether MSI-X is enabled, as the driver has written it.</summary>
    private sealed class MessageState
    {
        private const int EnableBit = 15;

        public bool IsEnabled { get; private set; }

        public bool HasUsed { get; set; }

        public void Take(Judge judge, Observation seen)
        {
            if (seen is SystemWasReset) IsEnabled = false;
            if (seen is not RegisterAccess { Space: RegisterSpace.PciConfiguration, IsWrite: true } access || PciView.Of(judge)?.Msix is not { } msix) return;

            // Message Control is the upper half of the capability's first four bytes; the bit is in the last of them.
            var place = msix + 2 + EnableBit / 8 - (int)access.Offset;
            if (place >= 0 && place < access.Width) IsEnabled = (access.Value >> 8 * place & 1 << EnableBit % 8) != 0;
        }
    }

    private sealed class Attempt
    {
        public bool IsExcused { get; set; }
    }

    private sealed class Mappings
    {
        public HashSet<int> Unread { get; } = [];

        public bool HasMapped { get; set; }

        public void Forget()
        {
            HasMapped = false;
            Unread.Clear();
        }
    }

    private sealed class SharedInterrupt
    {
        public bool IsShared { get; set; }

        public bool HasReport { get; set; }

        public bool HasLooked { get; set; }
    }
}
