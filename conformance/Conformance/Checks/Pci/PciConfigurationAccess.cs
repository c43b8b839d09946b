using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Transport;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1.4.9 PCI configuration access capability.</summary>
internal static class PciConfigurationAccessChecks
{
    [Check("PCI-CFGACC-D-01",
        Does = "Walks the capability list after the reset, and while the device runs.",
        Reading = "There is a PCI configuration access capability each time.")]
    internal static void There_is_a_PCI_configuration_access_capability(CheckContext check) => VirtioStructureCapabilitiesChecks.IsThere(check, StructureType.PciConfigurationAccess);

    [Check("PCI-CFGACC-D-02",
        Does = "Writes device_status, queue_select and device_feature_select through the window, which are 1, 2 and 4 bytes wide, and reads them in the BAR.",
        Reading = "Each has the value that was written, and a field beside it is as before.")]
    internal static void Writing_through_the_window_writes_the_register(CheckContext check)
    {
        var (pci, window) = (check.Pci, Window.Of(check));
        pci.WriteCommon(CommonField.QueueSelect, 1);
        foreach (var (field, neighbour, value) in ((CommonField, CommonField, uint)[])[
            (CommonField.DeviceFeatureSelect, CommonField.DriverFeatureSelect, 0xa5a5_a5a5),
            (CommonField.DeviceStatus, CommonField.QueueSelect, (uint)DeviceStatus.Acknowledge),
            (CommonField.DeviceStatus, CommonField.QueueSelect, (uint)(DeviceStatus.Acknowledge | DeviceStatus.Driver)),
            (CommonField.DeviceFeatureSelect, CommonField.DriverFeatureSelect, 0x5a5a_5a5a),
            (CommonField.QueueSelect, CommonField.DeviceStatus, 0),
            (CommonField.QueueSelect, CommonField.DeviceStatus, 1)])
        {
            // What the window held before must not be written behind a field that is narrower.
            var behind = pci.ReadCommon(neighbour);
            window.Write(pci.Structures.Common, field.Offset, field.Width, value);
            var (read, after) = (pci.ReadCommon(field), pci.ReadCommon(neighbour));
            That(read == value, $"0x{value:x} at offset 0x{field.Offset:x} of the common configuration, as written through the window", $"0x{read:x}");
            That(after == behind, $"0x{behind:x} at offset 0x{neighbour.Offset:x} of the common configuration, as before 0x{field.Offset:x} was written", $"0x{after:x}");
        }
    }

    [Check("PCI-CFGACC-D-02",
        Does = "Rings the doorbell of a request through the window.",
        Reading = "The request is served.")]
    internal static void A_doorbell_rings_through_the_window(CheckContext check)
    {
        var (pci, window) = (check.Pci, Window.Of(check));
        var driver = check.Start();
        Knock.GivenServed(check, driver);
        var request = driver.MakeAvailable(Knock.On(check), Framing.Plain);
        var at = (uint)pci.Of(IommuDriver.RequestQueueNumber, CommonField.QueueNotifyOff) * pci.Structures.NotifyMultiplier;
        window.Write(pci.Structures.Notify, at, 2, IommuDriver.RequestQueueNumber);
        var used = default(UsedElement);
        That(check.Machine.Await(() => driver.Requests.TryTakeUsed(out used)) && used.Id == request.Chain, "the request served after a doorbell through the window", "it is not");
    }

    [Check("PCI-CFGACC-D-03",
        Does = "Reads registers of 1, 2 and 4 bytes of the common and the device configuration through the window, before and after they change.",
        Reading = "Each reads as in the BAR.")]
    internal static void Reading_through_the_window_reads_the_register(CheckContext check)
    {
        var (pci, window) = (check.Pci, Window.Of(check));
        foreach (var round in (uint[])[1, 0, 1])
        {
            pci.WriteCommon(CommonField.DeviceFeatureSelect, round);
            pci.WriteStatus(DeviceStatus.Acknowledge | (round == 0 ? DeviceStatus.Driver : 0));
            pci.WriteCommon(CommonField.QueueSelect, round);
            foreach (var field in (CommonField[])[CommonField.DeviceFeatureSelect, CommonField.DeviceFeature, CommonField.NumQueues, CommonField.DeviceStatus, CommonField.QueueSelect, CommonField.QueueSize])
                Same(pci.Structures.Common, field.Offset, field.Width, pci.ReadCommon(field), "common configuration");
            for (var at = 0; at < 8; at += 4) Same(pci.Structures.Device, (uint)at, 4, pci.ReadConfig(at, 4), "device configuration");
        }

        void Same(ulong structure, uint at, int width, ulong expected, string name)
        {
            var read = window.Read(structure, at, width);
            That(read == expected, $"0x{expected:x} through the window, {width} bytes at offset 0x{at:x} of the {name}, as in the BAR", $"0x{read:x}");
        }
    }

    [Check("PCI-CFGACC-D-03",
        Does = "Reads the ISR status through the window after a used buffer, and then in the BAR.",
        Reading = "The Queue Interrupt bit reads 1 through the window, and 0 after: a read through the window is a read.")]
    internal static void Reading_the_ISR_status_through_the_window_clears_it(CheckContext check)
    {
        var (pci, window) = (check.Pci, Window.Of(check));
        Initialisation.RequiresInterruptPin(pci.Function);
        Knock.GivenServed(check, check.Start(Initialisation.Unsuppressed(NotificationMode.Line)));
        Given(check.Machine.Await(() => pci.Function.InterruptPending), "no interrupt is pending of a request that came back");
        var isr = window.Read(pci.Structures.Isr, 0, 1);
        That((isr & 1) != 0, "bit 0 of the ISR status, read through the window, set by a used buffer", $"0x{isr:x}");
        var again = pci.ReadIsr();
        That(again == 0, "ISR status 0 once it was read through the window", $"0x{(int)again:x}");
    }

    /// <summary>The window of the first capability (4.1.4.9).</summary>
    private sealed class Window(CheckContext check, VirtioCapability capability)
    {
        private const int BarAt = 4;
        private const int OffsetAt = 8;
        private const int LengthAt = 12;

        public static Window Of(CheckContext check) => VirtioCapability.All(check.Pci.Function, StructureType.PciConfigurationAccess) is { Count: > 0 } all
            ? new Window(check, all[0])
            : throw new NotApplicableException("the device has no PCI configuration access capability");

        public uint Read(ulong structure, uint offset, int width)
        {
            Point(structure, offset, width);
            return capability.Function.Read(capability.At + VirtioCapability.PlainSize, width);
        }

        public void Write(ulong structure, uint offset, int width, uint value)
        {
            Point(structure, offset, width);
            capability.Function.Write(capability.At + VirtioCapability.PlainSize, width, value);
        }

        private void Point(ulong structure, uint offset, int width)
        {
            var function = capability.Function;
            var bar = Enumerable.Range(0, 6).First(bar => function.BarAddress(bar) is not 0 and var start && structure >= start && structure - start < function.BarSize(bar));
            check.Machine.Journal.Add($"window of {width} bytes at BAR {bar} + 0x{structure - function.BarAddress(bar) + offset:x}");
            function.Write(capability.At + BarAt, 1, (uint)bar);
            function.Write(capability.At + LengthAt, 4, (uint)width);
            function.Write(capability.At + OffsetAt, 4, (uint)(structure - function.BarAddress(bar)) + offset);
        }
    }
}
