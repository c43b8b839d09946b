using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Pci;
using Viommu.Guest.Transport;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Pci;

/// <summary>4.1.4.5 ISR status capability.</summary>
internal static class IsrStatusChecks
{
    [Check("PCI-ISR-D-01",
        Does = "Walks the capability list after the reset, and while the device runs.",
        Reading = "There is an ISR status capability each time, also where the device has MSI-X. A device that never has one cannot be brought up, and the run says so.")]
    internal static void There_is_an_ISR_status_capability(CheckContext check) => VirtioStructureCapabilitiesChecks.IsThere(check, StructureType.Isr);

    [Check("PCI-ISR-D-02",
        Does = "Has the configuration change, or DEVICE_NEEDS_RESET be set, with MSI-X disabled.",
        Reading = "The Device Configuration Interrupt bit reads 1 in the ISR status. N/A where neither can be brought about.")]
    internal static void A_configuration_change_sets_its_bit_with_MSI_X_disabled(CheckContext check)
    {
        var cause = ConfigurationChange.Cause(check, () => StartOnLine(check));
        var isr = Notifications.None;
        That(check.Machine.Await(() => ((isr |= check.Pci.ReadIsr()) & Notifications.Config) != 0), $"bit 1 of the ISR status set by {cause}", $"ISR status 0x{(int)isr:x}");
    }

    [Check("PCI-ISR-D-02",
        Does = "Has the configuration change, or DEVICE_NEEDS_RESET be set, with MSI-X enabled, and reads the ISR status once the message of it has come.",
        Reading = "The Device Configuration Interrupt bit reads 1: it is set whether MSI-X is enabled or not, before the notification is sent. N/A where the device has no MSI-X, "
            + "or neither can be brought about.")]
    internal static void A_configuration_change_sets_its_bit_with_MSI_X_enabled(CheckContext check)
    {
        var pci = check.Pci;
        using var vectors = MessageVectors.Route(check, pci);
        var cause = ConfigurationChange.Cause(check, () => vectors.Start(check, () =>
        {
            pci.WriteCommon(CommonField.ConfigMsixVector, 0);
            if (pci.ReadCommon(CommonField.ConfigMsixVector) != 0) throw new NotApplicableException("the device does not map configuration changes to vector 0");
        }));
        Given(vectors.Await(0).Contains(0), $"no message comes of {cause}");
        var isr = pci.ReadIsr();
        That((isr & Notifications.Config) != 0, $"bit 1 of the ISR status set by {cause}, once its message has come", $"ISR status 0x{(int)isr:x}");
    }

    [Check("PCI-ISR-D-03",
        Does = "Has a request served with MSI-X disabled, waits for the interrupt, and reads the ISR status.",
        Reading = "The Queue Interrupt bit reads 1.")]
    internal static void A_used_buffer_sets_its_bit_with_MSI_X_disabled(CheckContext check)
    {
        Knock.GivenServed(check, StartOnLine(check));
        Given(check.Machine.Await(() => check.Pci.Function.InterruptPending), "no interrupt is pending of a request that came back");
        var isr = check.Pci.ReadIsr();
        That((isr & Notifications.Used) != 0, "bit 0 of the ISR status set with the interrupt of a used buffer", $"ISR status 0x{(int)isr:x}");
    }

    [Check("PCI-ISR-D-03",
        Does = "Has a request served, and then the configuration change, or DEVICE_NEEDS_RESET be set, with MSI-X disabled, and reads the ISR status only after.",
        Reading = "Both bits have been set: one interrupt can stand for both (4.1.5.4), and the driver learns of it from the bits alone. N/A where neither can be brought about.")]
    internal static void The_bit_of_a_used_buffer_outlasts_a_configuration_change(CheckContext check)
    {
        var cause = ConfigurationChange.Cause(check, () =>
        {
            var driver = StartOnLine(check);
            Knock.GivenServed(check, driver);
            check.Machine.Target.Settle();
            return driver;
        });
        var isr = Notifications.None;
        That(check.Machine.Await(() => (isr |= check.Pci.ReadIsr()) == (Notifications.Used | Notifications.Config)),
            $"bits 0 and 1 of the ISR status set by a used buffer and {cause}", $"ISR status 0x{(int)isr:x}");
    }

    [Check("PCI-ISR-D-04",
        Does = "Compares the Interrupt Status bit of the PCI status register with the ISR status: after start, with a used buffer not yet noticed, and after the ISR status is read.",
        Reading = "0 while no ISR bit is set, and 1 while one is. The target's interrupt line, where it shows one, has the same level.")]
    internal static void The_Interrupt_Status_bit_is_the_OR_of_the_ISR_bits(CheckContext check)
    {
        var driver = StartOnLine(check);
        IsPending(check, false, "while the ISR status is 0");
        for (var round = 0; round < 3; round++)
        {
            Knock.GivenServed(check, driver);
            IsPending(check, true, "while an ISR bit is set");
            if (check.Machine.Target.InterruptLine is { } line) That(line, "INTx asserted while the Interrupt Status bit is set and Interrupt Disable is clear", "it is not");
            Given(check.Pci.ReadIsr() != 0, "the ISR status is 0 with an interrupt pending");
            IsPending(check, false, "once the ISR status has been read");
            if (check.Machine.Target.InterruptLine is { } still) That(!still, "INTx deasserted once the ISR status has been read", "it is asserted");
        }
    }

    [Check("PCI-ISR-D-04",
        Does = "Sets Interrupt Disable in the PCI command register, has a request served, and reads the Interrupt Status bit.",
        Reading = "1, as ever while an ISR bit is set: Interrupt Disable masks INTx, not the bit (PCI 3.0, 6.2.3).")]
    internal static void The_Interrupt_Status_bit_does_not_depend_on_Interrupt_Disable(CheckContext check)
    {
        var function = check.Pci.Function;
        var driver = StartOnLine(check);
        function.Command |= PciCommand.InterruptDisable;
        Knock.GivenServed(check, driver);
        IsPending(check, true, "while an ISR bit is set and Interrupt Disable is as well");
        if (check.Machine.Target.InterruptLine is { } line) That(!line, "INTx not asserted while Interrupt Disable is set", "it is");
    }

    [Check("PCI-ISR-D-05",
        Does = "Reads the ISR status twice after a used buffer.",
        Reading = "0 the second time.")]
    internal static void Reading_the_ISR_status_clears_it(CheckContext check)
    {
        var driver = StartOnLine(check);
        for (var round = 0; round < 3; round++)
        {
            Knock.GivenServed(check, driver);
            Given(check.Machine.Await(() => check.Pci.ReadIsr() != 0), "no bit of the ISR status is set of a request that came back");
            var isr = check.Pci.ReadIsr();
            That(isr == 0, "ISR status 0 right after it was read", $"0x{(int)isr:x}");
        }
    }

    private static IommuDriver StartOnLine(CheckContext check)
    {
        Initialisation.RequiresInterruptPin(check.Pci.Function);
        return check.Start(Initialisation.Unsuppressed(NotificationMode.Line));
    }

    /// <summary>The clause, with the time that a device may take to set the bit; clearing is an effect of the read and takes none.</summary>
    private static void IsPending(CheckContext check, bool expected, string when)
    {
        var function = check.Pci.Function;
        var pending = expected ? check.Machine.Await(() => function.InterruptPending) : function.InterruptPending;
        Given(pending || !expected || check.Pci.ReadIsr() != 0, "no bit of the ISR status is set of a request that came back");
        That(pending == expected, $"the Interrupt Status bit {(expected ? 1 : 0)} {when}", $"{(pending ? 1 : 0)}");
    }
}
