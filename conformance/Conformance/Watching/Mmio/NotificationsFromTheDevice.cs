using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Mmio;

/// <summary>Notifications From The Device over MMIO (4.2.3.4), and what 4.2.2.2 says of the same registers.</summary>
internal static class NotificationsFromTheDevice
{
    private const uint Defined = 3;

    [Rule("MMIO-REG-V-18", Needs = Sight.Registers, Transports = [WatchedTransport.Mmio],
        Does = "Where undefined bits of InterruptStatus read 1, waits for what the driver does next.",
        Reading = "It acknowledges events of the defined bits that were set, or none where none was.")]
    public static void Undefined_bits_of_InterruptStatus_are_ignored(Judge judge, Observation seen)
    {
        var last = judge.Keep<LastStatus>();
        if (seen is InterruptAcknowledged ack && last.Value is { } status && (status & ~Defined) != 0)
            judge.That((ack.Value & ~(status & Defined)) == 0, $"no more acknowledged than 0x{status & Defined:x}, of an InterruptStatus of 0x{status:x}", $"0x{ack.Value:x}");
        else if (last.Value is { } odd && (odd & ~Defined) != 0 && LastStatus.IsLeftBy(seen)) judge.Kept();
        last.Follow(seen);
    }

    [Rule("MMIO-REG-V-19", Needs = Sight.Registers, Transports = [WatchedTransport.Mmio], Also = ["MMIO-IRQ-V-03"],
        Does = "Where the driver has read a defined bit of InterruptStatus as 1, waits for what it does next.",
        Reading = "It acknowledges events that were set before it waits for the device, or ends. A device reset clears them as well.")]
    public static void Events_that_were_handled_are_acknowledged(Judge judge, Observation seen)
    {
        var last = judge.Keep<LastStatus>();
        if (last.Value is { } status && (status & Defined) != 0)
        {
            if (seen is InterruptAcknowledged ack) judge.That((ack.Value & status & Defined) != 0, $"events of 0x{status & Defined:x} acknowledged", $"0x{ack.Value:x}");
            else if (LastStatus.IsLeftBy(seen)) judge.That(false, $"the events 0x{status & Defined:x} acknowledged once they are handled", $"{seen}");
        }
        last.Follow(seen);
    }

    [Rule("MMIO-REG-V-20", Needs = Sight.Registers, FromAnywhere = true, Transports = [WatchedTransport.Mmio],
        Does = "Looks at every value that the driver writes to InterruptACK.",
        Reading = "Bits 2 to 31 are 0.")]
    public static void Undefined_bits_are_never_acknowledged(Judge judge, InterruptAcknowledged seen) =>
        judge.That((seen.Value & ~Defined) == 0, "no undefined bit in InterruptACK", $"0x{seen.Value:x}");

    [Rule("MMIO-IRQ-V-01", Needs = Sight.Registers, Transports = [WatchedTransport.Mmio],
        Does = "Where the driver acknowledges an event that the device has raised, looks for a read of InterruptStatus that showed it.",
        Reading = "There is one since it was raised. A driver that polls receives no interrupt, and has none to acknowledge.")]
    public static void InterruptStatus_is_read_of_every_interrupt(Judge judge, Observation seen)
    {
        var unread = judge.Keep<Unread>();
        switch (seen)
        {
            case InterruptRaised raised:
                unread.Bits |= (uint)raised.Kinds;
                break;
            case InterruptStatusRead read:
                unread.Bits &= ~read.Value;
                break;
            case InterruptAcknowledged ack:
                judge.That((ack.Value & unread.Bits) == 0, "InterruptStatus read before an event is acknowledged", $"{ack}");
                unread.Bits &= ~ack.Value;
                break;
            case StatusWritten { Status: DeviceStatus.None } or SystemWasReset:
                unread.Bits = 0;
                break;
        }
    }

    /// <summary>Events that the device has raised, and the driver has not read.</summary>
    private sealed class Unread
    {
        public uint Bits { get; set; }
    }

    /// <summary>InterruptStatus as the driver read it, until it acknowledges what it read or goes on to something else.</summary>
    private sealed class LastStatus
    {
        /// <summary>What it read.</summary>
        public uint? Value { get; private set; }

        /// <summary>True where the driver has gone on without an acknowledgement.</summary>
        public static bool IsLeftBy(Observation seen) => seen is DriverWaits or SessionEnded;

        public void Follow(Observation seen)
        {
            switch (seen)
            {
                case InterruptStatusRead read:
                    Value = read.Value;
                    break;
                case InterruptAcknowledged or DriverWaits or StatusWritten { Status: DeviceStatus.None } or SystemWasReset:
                    Value = null;
                    break;
            }
        }
    }
}
