using Viommu.Conformance.Selftest;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Workload;

/// <summary>Devices whose registers tell a driver to wait, to try again, or to give up. On modern PCI.</summary>
internal static class StrangeRegisters
{
    public const string Refusal = "FEATURES_OK refused";
    public const string WithoutVersion1 = "without VERSION_1";
    public const string NeedsReset = "DEVICE_NEEDS_RESET";
    public const string SlowReset = "a slow reset";
    public const string LargeConfiguration = "a large configuration structure";
    public const string SmallConfiguration = "a small configuration structure";

    private const int DeviceConfiguration = 4;

    public static IEnumerable<Scenario> All() =>
    [
        On(Refusal, user =>
        {
            user.TryStart();
            user.TryStart();
        }, target => new RefusesEverything(target)),
        On(WithoutVersion1, user => user.TryStart(), target => new HidesVersion1(target)),
        On(NeedsReset, PlayNeedsReset, target => new BreaksDown(target)),
        On(SlowReset, user =>
        {
            user.Start();
            user.Stop();
        }, target => new ResetsSlowly(target)),
        On(LargeConfiguration, user =>
        {
            user.Start();
            user.Stop();
        }, target => new ConfigurationOf(target, 0x1000)),
        On(SmallConfiguration, user => user.TryStart(), target => new ConfigurationOf(target, 4)),
    ];

    private static Scenario On(string name, Action<GuestUser> play, Func<ITarget, RegisterInterceptor> device) => new(name, play)
    {
        Misbehaviour = Misbehaving.Registers(device),
        Transports = [ModelTransport.Pci],
    };

    private static void PlayNeedsReset(GuestUser user)
    {
        user.Start();
        user.Probe(user.Endpoints[0]);
        user.Stop();
        user.Start();
        user.Stop();
    }

    private sealed class RefusesEverything(ITarget inner) : Refusing(inner)
    {
        protected override bool Refuses => true;
    }

    private sealed class HidesVersion1(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override ulong ReadRegister(CommonField field) =>
            base.ReadRegister(field) & (field == CommonField.DeviceFeature && Real(CommonField.DeviceFeatureSelect) == 1 ? ~(Features.Version1 >> 32) : ulong.MaxValue);
    }

    /// <summary>Sets DEVICE_NEEDS_RESET at the first notification, and returns nothing.</summary>
    private sealed class BreaksDown(ITarget inner) : RegisterInterceptor(inner)
    {
        private bool isBroken;

        protected override void Notify(Doorbell doorbell)
        {
            if (doorbell.Queue == 0) isBroken = true;
            else base.Notify(doorbell);
        }

        protected override DeviceStatus ReadStatus() => base.ReadStatus() | (isBroken ? DeviceStatus.NeedsReset : DeviceStatus.None);

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) isBroken = false;
            base.WriteStatus(status);
        }
    }

    /// <summary>Shows what the status was before for some reads after a reset; drivers of it have the patience of a real machine.</summary>
    private sealed class ResetsSlowly(ITarget inner) : RegisterInterceptor(inner)
    {
        private const int Polls = 100;

        private DeviceStatus shown;
        private int left;

        public override bool Await(Func<bool> condition, TimeSpan patience) => Enumerable.Range(0, Polls).Any(_ => base.Await(condition, patience));

        protected override DeviceStatus ReadStatus() => left-- > 0 ? shown : base.ReadStatus();

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) (shown, left) = (base.ReadStatus() | DeviceStatus.Acknowledge, 5);
            base.WriteStatus(status);
        }
    }

    /// <summary>Gives the device configuration structure another length.</summary>
    private sealed class ConfigurationOf(ITarget inner, uint length) : RegisterInterceptor(inner)
    {
        public override uint ConfigRead(PciAddress function, int offset, int width)
        {
            if (function == Function.Address && width == 4 && IsLengthOfDeviceConfiguration(offset)) return length;
            return base.ConfigRead(function, offset, width);
        }

        private bool IsLengthOfDeviceConfiguration(int offset) => Function.Capabilities().Any(capability =>
            capability.Id == PciCapability.VendorSpecific && capability.Offset + 12 == offset && Function.Read(capability.Offset + 3, 1) == DeviceConfiguration);
    }
}
