namespace Viommu.Guest.Targets.Qemu;

/// <summary>A machine type of QEMU: how it is asked for, and where things are in it.</summary>
internal abstract class QemuBoard
{
    /// <summary>The argument of <c>-M</c>.</summary>
    public abstract string Machine { get; }

    /// <summary>The model of the device under test.</summary>
    public abstract string IommuModel { get; }

    /// <summary>The options of that model that say where it is.</summary>
    public abstract string IommuPlace { get; }

    /// <summary>Arguments in front of the devices.</summary>
    public virtual IReadOnlyList<string> Arguments => [];

    /// <summary>Where the guest finds the device.</summary>
    public abstract DeviceLocation Iommu { get; }

    /// <summary>Where the guest may place 32-bit memory BARs, but for those of the edus.</summary>
    public abstract AddressWindow BarWindow { get; }

    /// <summary>Where it may place I/O BARs.</summary>
    public abstract AddressWindow IoWindow { get; }

    /// <summary>Where the BARs of the edus are, one behind the other.</summary>
    public uint FirstEduBar => (uint)BarWindow.Last + 1;

    /// <summary>Reads configuration space, within four aligned bytes.</summary>
    public abstract uint ConfigRead(QtestClient qtest, PciAddress function, int offset, int width);

    /// <summary>Writes configuration space likewise, along with the next access.</summary>
    public abstract void PostConfigWrite(QtestClient qtest, PciAddress function, int offset, int width, uint value);

    /// <summary>Asks for a reset of the machine, which comes some time after.</summary>
    public abstract void AskForReset(QtestClient qtest);

    /// <summary>Lines of qtest that end the process as a guest does that powers the machine off.</summary>
    public abstract IReadOnlyList<string> PowerOff { get; }
}

/// <summary>A PC with PCI Express, where the virtio-iommu is a function on the root bus.</summary>
internal sealed class Q35Board : QemuBoard
{
    /// <summary>The slot of the virtio-iommu on the root bus.</summary>
    public const int IommuSlot = 0x02;

    private const int ConfigAddressPort = 0xcf8;
    private const int ConfigDataPort = 0xcfc;
    private const int ResetControlPort = 0xcf9;

    // ICH9 Reset Control Register: bit 1 selects a hard reset, the rise of bit 2 performs it.
    private const uint HardReset = 0x02;
    private const uint HardResetNow = 0x06;

    /// <inheritdoc/>
    /// <remarks>
    /// Without its interval timer the machine is idle for seconds of virtual time; with it, <c>-icount</c> would keep a core busy.
    /// </remarks>
    public override string Machine => "q35,pit=off";

    /// <inheritdoc/>
    public override string IommuModel => "virtio-iommu-pci";

    /// <inheritdoc/>
    public override string IommuPlace => $"addr={IommuSlot:x2}";

    /// <inheritdoc/>
    public override DeviceLocation Iommu { get; } = new DeviceLocation.PciFunction();

    /// <inheritdoc/>
    public override AddressWindow BarWindow { get; } = new(0xe000_0000, 0xe7ff_ffff);

    /// <inheritdoc/>
    public override AddressWindow IoWindow { get; } = new(0xc000, 0xcfff);

    /// <inheritdoc/>
    public override uint ConfigRead(QtestClient qtest, PciAddress function, int offset, int width)
    {
        Select(qtest, function, offset);
        return qtest.In(ConfigDataPort + (offset & 3), width);
    }

    /// <inheritdoc/>
    public override void PostConfigWrite(QtestClient qtest, PciAddress function, int offset, int width, uint value)
    {
        Select(qtest, function, offset);
        qtest.PostOut(ConfigDataPort + (offset & 3), width, value);
    }

    /// <inheritdoc/>
    public override void AskForReset(QtestClient qtest)
    {
        qtest.PostOut(ResetControlPort, 1, HardReset);
        qtest.Out(ResetControlPort, 1, HardResetNow);
    }

    /// <inheritdoc/>
    /// <remarks>The ICH9's power management base, its enable bit, and SLP_EN of PM1_CNT: ACPI soft off.</remarks>
    public override IReadOnlyList<string> PowerOff => ["outl 0xcf8 0x8000f840", "outl 0xcfc 0x601", "outl 0xcf8 0x8000f844", "outb 0xcfc 0x80", "outw 0x604 0x2000"];

    private static void Select(QtestClient qtest, PciAddress function, int offset) =>
        qtest.PostOut(ConfigAddressPort, 4, 0x8000_0000 | ((uint)function.RequesterId << 8) | (uint)(offset & ~3));
}

/// <summary>A small machine where the virtio-iommu has registers of virtio-mmio, and its endpoints are on a PCI Express bus.</summary>
internal sealed class MicrovmBoard : QemuBoard
{
    // The last of the machine's 24 slots of virtio-mmio, which QEMU fills from the end.
    private const ulong LastSlot = 0xfeb0_2e00;

    private const ulong ConfigurationSpace = 0xe000_0000;

    // ACPI registers of a hardware-reduced machine, and what they take: a reset, and S5 with SLP_EN.
    private const ulong SleepControl = 0xfea0_0200;
    private const ulong ResetRegister = SleepControl + 2;
    private const byte ResetValue = 0x42;
    private const byte PowerOffValue = 0x34;

    /// <inheritdoc/>
    public override string Machine => "microvm,pcie=on,pit=off,pic=off,rtc=off,isa-serial=off";

    /// <inheritdoc/>
    public override string IommuModel => "virtio-iommu-device";

    /// <inheritdoc/>
    public override string IommuPlace => "primary-bus=pcie.0";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Arguments => ["-global", "virtio-mmio.force-legacy=false"];

    /// <inheritdoc/>
    public override DeviceLocation Iommu { get; } = new DeviceLocation.MmioSlot(LastSlot);

    /// <inheritdoc/>
    public override AddressWindow BarWindow { get; } = new(0xc000_0000, 0xd7ff_ffff);

    /// <inheritdoc/>
    public override AddressWindow IoWindow { get; } = new(1, 0);

    /// <inheritdoc/>
    public override uint ConfigRead(QtestClient qtest, PciAddress function, int offset, int width) =>
        (uint)qtest.Read(AddressOf(function, offset), width);

    /// <inheritdoc/>
    public override void PostConfigWrite(QtestClient qtest, PciAddress function, int offset, int width, uint value) =>
        qtest.PostWrite(AddressOf(function, offset), width, value);

    /// <inheritdoc/>
    public override void AskForReset(QtestClient qtest) => qtest.Write(ResetRegister, 1, ResetValue);

    /// <inheritdoc/>
    public override IReadOnlyList<string> PowerOff => [$"writeb 0x{SleepControl:x} 0x{PowerOffValue:x}"];

    private static ulong AddressOf(PciAddress function, int offset) => ConfigurationSpace + ((ulong)function.RequesterId << 12) + (uint)offset;
}
