namespace Viommu.Fuzz.Transports.Judging;

/// <summary>The rules of a queue that is out of use, each empty where there is none.</summary>
/// <param name="Enabled">By which it is not shown as enabled.</param>
/// <param name="Untouched">By which the device leaves it alone.</param>
/// <param name="Reset">By which it is not shown as being reset.</param>
/// <param name="Size">By which it has its largest size.</param>
internal readonly record struct QueueRules(string Enabled, string Untouched, string Reset, string Size);

/// <summary>What a driver has done with one queue since the last reset, as far as registers show it.</summary>
internal sealed class QueueLife
{
    /// <summary>The fields that a driver sets before it enables a queue.</summary>
    [Flags]
    public enum Fields
    {
        None = 0,
        Size = 1 << 0,
        DescriptorsLow = 1 << 1,
        DescriptorsHigh = 1 << 2,
        DriverLow = 1 << 3,
        DriverHigh = 1 << 4,
        DeviceLow = 1 << 5,
        DeviceHigh = 1 << 6,
        Addresses = DescriptorsLow | DescriptorsHigh | DriverLow | DriverHigh | DeviceLow | DeviceHigh,
    }

    /// <summary>True while the device is to show the queue as enabled.</summary>
    public bool IsEnabled { get; private set; }

    /// <summary>Nobody knows whether it is enabled until it is read.</summary>
    public bool IsUnsure { get; private set; }

    /// <summary>The device may use it.</summary>
    public bool MayBeUsed => IsEnabled || IsUnsure;

    /// <summary>The rule behind <see cref="IsEnabled"/>, by what happened to the queue last.</summary>
    public string EnabledBecause { get; private set; } = "";

    /// <summary>The rule by which the device does not touch the queue while it is not enabled.</summary>
    public string UntouchedBecause { get; private set; } = "";

    /// <summary>The driver has asked for a reset of the queue, and has not seen yet that it is complete.</summary>
    public bool IsBeingReset { get; set; }

    /// <summary>The rule by which queue_reset reads 0.</summary>
    public string ResetBecause { get; private set; } = "";

    /// <summary>The size that the driver has written; 0 where it has not.</summary>
    public uint Size { get; private set; }

    /// <summary>The rule by which a queue whose size was not written has its largest; empty where it need not.</summary>
    public string SizeBecause { get; private set; } = "";

    public ulong Descriptors { get; private set; }

    public ulong Driver { get; private set; }

    public ulong Device { get; private set; }

    /// <summary>Fields written since the queue was reset.</summary>
    public Fields Written { get; private set; }

    /// <summary>The driver has notified the device of chains, and nothing has kept the device from serving them.</summary>
    public bool IsServiceDue { get; set; }

    /// <summary>The queue is as after a reset of the device or of the queue, or the driver has stopped it.</summary>
    public void Begin(QueueRules rules)
    {
        IsEnabled = IsUnsure = IsBeingReset = IsServiceDue = false;
        (EnabledBecause, UntouchedBecause, ResetBecause, SizeBecause) = rules;
        Size = 0;
        Written = Fields.None;
        Descriptors = Driver = Device = 0;
    }

    public void Enable(string enabled, string reset)
    {
        IsEnabled = true;
        EnabledBecause = enabled;
        ResetBecause = reset;
    }

    /// <summary>The driver has written what leaves it to the device whether the queue is enabled.</summary>
    public void BecomesUnsure() => IsUnsure = true;

    /// <summary>The device says whether the queue is enabled.</summary>
    public void IsSaidToBe(bool isEnabled, string rule)
    {
        if (!isEnabled) Begin(new(rule, rule, ResetBecause, ""));
        IsUnsure = false;
        EnabledBecause = rule;
    }

    /// <summary>The driver writes the size.</summary>
    public void SetSize(uint size)
    {
        Size = size;
        Written |= Fields.Size;
    }

    /// <summary>The driver writes half of an address.</summary>
    public void SetAddress(Fields half, uint value)
    {
        Written |= half;
        switch (half)
        {
            case Fields.DescriptorsLow: Descriptors = WithLow(Descriptors, value); break;
            case Fields.DescriptorsHigh: Descriptors = WithHigh(Descriptors, value); break;
            case Fields.DriverLow: Driver = WithLow(Driver, value); break;
            case Fields.DriverHigh: Driver = WithHigh(Driver, value); break;
            case Fields.DeviceLow: Device = WithLow(Device, value); break;
            default: Device = WithHigh(Device, value); break;
        }
    }

    /// <summary>Half of an address as the driver has written it.</summary>
    public uint AddressOf(Fields half) => half switch
    {
        Fields.DescriptorsLow => (uint)Descriptors,
        Fields.DescriptorsHigh => (uint)(Descriptors >> 32),
        Fields.DriverLow => (uint)Driver,
        Fields.DriverHigh => (uint)(Driver >> 32),
        Fields.DeviceLow => (uint)Device,
        _ => (uint)(Device >> 32),
    };

    private static ulong WithLow(ulong address, uint low) => (address & ~0xffff_ffffUL) | low;

    private static ulong WithHigh(ulong address, uint high) => (address & 0xffff_ffffUL) | ((ulong)high << 32);
}
