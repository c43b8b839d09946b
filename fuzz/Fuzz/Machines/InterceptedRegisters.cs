using Viommu.Fuzz.Engine.Findings;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Machines;

/// <summary>
/// Registers that something stands in front of, reached the way a driver reaches them: found by their description, on whatever transport
/// they are. What is written to memory between a notification and its return is the device's doing, whoever writes it, and is held to the
/// shadow once it is done.
/// </summary>
internal sealed class InterceptedRegisters(ITarget target, ShadowedMemory memory) : IRegisters
{
    private readonly byte[] _before = new byte[memory.Size];
    private Machine? _machine;
    private Notifications _notifications;
    private ulong _driverFeatures;
    private uint _deviceFeaturesSel;
    private uint _driverFeaturesSel;
    private uint _queueSel;
    private uint _queueSize;
    private QueueAddresses _addresses;

    /// <summary>Where messages go in guest memory, for a machine that has room for them; else the device notifies by its line.</summary>
    public ulong? MessagesAt { get; init; }

    public bool IsPci => Transport is PciTransport;

    // Not before the first access, so that a device that no driver can find is a finding of an input.
    private IVirtioTransport Transport => (_machine ??= Discover()).Transport;

    public uint Get(uint register) => register switch
    {
        MmioRegister.Status => (uint)Transport.ReadStatus(),
        MmioRegister.DeviceFeatures => _deviceFeaturesSel > 1 ? 0 : (uint)(Transport.ReadDeviceFeatures() >> (32 * (int)_deviceFeaturesSel)),
        MmioRegister.QueueSizeMax => Transport.ReadQueueSize((ushort)_queueSel),
        MmioRegister.QueueReady => Transport.ReadQueueEnable((ushort)_queueSel) ? 1u : 0,
        MmioRegister.QueueReset => Transport.ReadQueueReset((ushort)_queueSel) ? 1u : 0,
        MmioRegister.InterruptStatus => (uint)(_notifications |= Transport.TakeNotifications()),
        MmioRegister.ConfigGeneration => Transport.ReadConfigGeneration() ?? 0,
        _ => throw new ArgumentOutOfRangeException(nameof(register), register, null),
    };

    public void Set(uint register, uint value)
    {
        switch (register)
        {
            case MmioRegister.Status: Transport.WriteStatus((DeviceStatus)value); break;
            case MmioRegister.DeviceFeaturesSel: _deviceFeaturesSel = value; break;
            case MmioRegister.DriverFeaturesSel: _driverFeaturesSel = value; break;
            case MmioRegister.DriverFeatures: WriteFeatures(value); break;
            case MmioRegister.QueueSel: _queueSel = value; break;
            case MmioRegister.QueueSize: _queueSize = value; break;
            case MmioRegister.QueueDescLow: _addresses = _addresses with { Descriptors = value }; break;
            case MmioRegister.QueueDriverLow: _addresses = _addresses with { Driver = value }; break;
            case MmioRegister.QueueDeviceLow: _addresses = _addresses with { Device = value }; break;
            // All of what machines lend is below 4 GiB.
            case MmioRegister.QueueDescHigh or MmioRegister.QueueDriverHigh or MmioRegister.QueueDeviceHigh: break;
            case MmioRegister.QueueReady: if (value == 1) EnableQueue(); break;
            case MmioRegister.QueueReset: Transport.ResetQueue((ushort)_queueSel); break;
            case MmioRegister.QueueNotify: Notify(value); break;
            case MmioRegister.InterruptAck: _notifications &= ~(Notifications)value; break;
            default: throw new ArgumentOutOfRangeException(nameof(register), register, null);
        }
    }

    public ulong ReadConfig(int offset, int width) => Transport.ReadConfig(offset, width);

    public void WriteConfig(int offset, int width, ulong value) => Transport.WriteConfig(offset, width, value);

    public void SystemReset()
    {
        _notifications = Notifications.None;
        (_driverFeatures, _addresses) = (0, default);
        _deviceFeaturesSel = _driverFeaturesSel = _queueSel = _queueSize = 0;
        // The BARs are placed again by whoever comes next.
        target.SystemReset();
        _machine = null;
    }

    public void ChangeBypass(bool bypass) => target.TryChangeBypass(bypass);

    public void RouteNotifications()
    {
        if (MessagesAt is not { } messages || !Transport.HasMessages || !Transport.RouteNotifications(NotificationMode.Messages, messages))
            Transport.RouteNotifications(NotificationMode.Line, 0);
        Transport.TakeNotifications();
    }

    public bool TryMoveQueueVector(ushort queue, bool isToConfiguration)
    {
        if (MessagesAt is null || !Transport.HasMessages || _machine?.Pci is not { } pci) return false;
        pci.WriteCommon(CommonField.QueueSelect, queue);
        ushort vector = isToConfiguration ? MsixTable.ConfigVector : MsixTable.QueueVector;
        pci.WriteCommon(CommonField.QueueMsixVector, vector);
        return pci.ReadCommon(CommonField.QueueMsixVector) == vector;
    }

    public ulong ReadHigherOffer()
    {
        if (!IsPci) return 0;
        var pci = _machine!.Pci!;
        pci.WriteCommon(CommonField.DeviceFeatureSelect, 2);
        ulong low = pci.ReadCommon(CommonField.DeviceFeature);
        pci.WriteCommon(CommonField.DeviceFeatureSelect, 3);
        return (pci.ReadCommon(CommonField.DeviceFeature) << 32) | low;
    }

    public bool HasSrIov()
    {
        const int ExtendedSpace = 0x100;
        const uint SrIov = 0x10;
        // A list of capabilities, each of which says where the next one is (PCI Express, 7.6.3).
        for (int at = ExtendedSpace, left = 64; IsPci && at >= ExtendedSpace && left > 0; left--)
        {
            uint header = target.ConfigRead(_machine!.Pci!.Function.Address, at, 4);
            if (header is 0 or uint.MaxValue) return false;
            if ((ushort)header == SrIov) return true;
            at = (int)(header >> 20);
        }

        return false;
    }

    private Machine Discover()
    {
        try
        {
            return Machine.Discover(target);
        }
        catch (GuestSetupException trouble)
        {
            throw new BrokenInvariantException("a-driver-finds-the-device", "", trouble.Message);
        }
    }

    private void WriteFeatures(uint half)
    {
        int shift = _driverFeaturesSel == 0 ? 0 : 32;
        _driverFeatures = (_driverFeatures & ~((ulong)uint.MaxValue << shift)) | ((ulong)half << shift);
        if (_driverFeaturesSel == 1) Transport.WriteDriverFeatures(_driverFeatures);
    }

    private void EnableQueue()
    {
        if (Transport.CanSizeQueues) Transport.WriteQueueSize((ushort)_queueSel, (ushort)_queueSize);
        Transport.WriteQueueAddresses((ushort)_queueSel, _addresses);
        Transport.EnableQueue((ushort)_queueSel);
    }

    private void Notify(uint value)
    {
        memory.Bytes.CopyTo(_before);
        if ((_driverFeatures & Features.NotificationData) != 0) Transport.Notify((ushort)value, (ushort)(value >> 16));
        else Transport.Notify((ushort)value);
        memory.RequireWritten(_before);
    }
}
