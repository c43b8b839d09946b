using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Checks.Mmio;

/// <summary>What checks of virtio over MMIO have in common.</summary>
internal static class MmioDevice
{
    /// <summary>The registers of version 2; N/A where the device is driven in another way.</summary>
    public static MmioTransport Modern(CheckContext check) =>
        check.Machine.Transport as MmioTransport ?? throw new NotApplicableException("the device is not driven over virtio-mmio version 2");

    /// <summary>The registers of version 1; N/A where the device is driven in another way.</summary>
    public static LegacyMmioTransport Legacy(CheckContext check) =>
        check.Machine.Transport as LegacyMmioTransport ?? throw new NotApplicableException("the device is not driven over virtio-mmio version 1");

    /// <summary>The registers of either version; N/A where the device is driven in another way.</summary>
    public static MmioRegisters Any(CheckContext check) =>
        check.Machine.Transport as MmioRegisters ?? throw new NotApplicableException("the device is not driven over virtio-mmio");

    /// <summary>Selects a queue and reads one of its registers.</summary>
    public static uint ReadOf(MmioRegisters mmio, int queue, uint register)
    {
        mmio.Write(MmioRegister.QueueSel, (uint)queue);
        return mmio.Read(register);
    }

    /// <summary>Selects a queue and writes one of its registers.</summary>
    public static void WriteOf(MmioRegisters mmio, int queue, uint register, uint value)
    {
        mmio.Write(MmioRegister.QueueSel, (uint)queue);
        mmio.Write(register, value);
    }

    /// <summary>The clause: a register reads the same after a reset, at each stage of initialisation, in operation, and after another reset.</summary>
    public static void AlwaysReads(CheckContext check, MmioRegisters mmio, uint register, string name, uint expected)
    {
        CheckContext.Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
        Look("after a reset");
        mmio.WriteStatus(DeviceStatus.Acknowledge);
        Look("at ACKNOWLEDGE");
        mmio.WriteStatus(DeviceStatus.Acknowledge | DeviceStatus.Driver);
        Look("at DRIVER");
        var driver = check.Start();
        Look("while the device runs");
        Knock.GivenServed(check, driver);
        Look("after a request");
        CheckContext.Given(check.Machine.ResetDevice(), "the status does not become 0 after a device reset");
        Look("after a second reset");

        void Look(string stage)
        {
            var value = mmio.Read(register);
            CheckContext.That(value == expected, $"{name} 0x{expected:x} {stage}", $"0x{value:x}");
        }
    }

    /// <summary>The clause: a register of queues that do not exist reads 0, and those that exist read the same before and after.</summary>
    public static void IsZeroOfMissingQueues(string name, Func<int, uint> read)
    {
        uint[] there = [read(0), read(1)];
        CheckContext.Given(there.All(size => size != 0), "one of the two queues has no size");

        // A queue has a number of 16 bits, whatever the width of the register that selects it.
        foreach (var queue in (int[])[2, 3, 7, 63, 64, 255, 1023, 1024, 32767, 65535])
        {
            var value = read(queue);
            CheckContext.That(value == 0, $"{name} 0 of queue {queue}, which a virtio-iommu does not have", $"{value}");
            for (var known = 0; known < there.Length; known++)
                CheckContext.That(read(known) == there[known], $"{name} {there[known]} of queue {known}, as before queue {queue} was selected", $"{read(known)}");
        }
    }
}
