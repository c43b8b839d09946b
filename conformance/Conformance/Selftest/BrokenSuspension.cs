using Viommu.Conformance.Checks.Core;
using Viommu.Device.Iommu;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of suspension (3.4).</summary>
internal static class BrokenSuspension
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.Registers("shows SUSPEND before it runs", ["CORE-SUSPEND-D-01"], target => new SuspendsEarly(target)),
        BrokenDevice.Registers(
            "says that it is suspended, and runs on",
            ["CORE-SUSPEND-D-02", "CORE-SUSPEND-D-03.the-request-queue-*", "CORE-SUSPEND-D-03.no-*"], target => new FakesSuspension(target)),
        BrokenDevice.Registers(
            "changes its configuration while suspended", ["CORE-SUSPEND-D-03.the-configuration-*"], target => new ChangesConfiguration(target)),
        BrokenDevice.Registers(
            "tells of changes of its configuration while suspended", ["CORE-SUSPEND-D-04", "CORE-SUSPEND-D-05"], target => new TellsWhileSuspended(target)),
        BrokenDevice.Registers("never tells of changes that came while it was suspended", ["CORE-SUSPEND-D-05"], target => new NeverTells(target)),
        BrokenDevice.Registers("never suspends", ["CORE-SUSPEND-D-06"], target => new NeverSuspends(target)),
        BrokenDevice.Registers("ignores SUSPEND while it works off requests", ["CORE-SUSPEND-D-06.a-busy-*"], target => new NeverSuspendsBusy(target)),
        BrokenDevice.Registers("never resumes", ["CORE-SUSPEND-D-07.a-suspended-*"], target => new NeverResumes(target)),
        BrokenDevice.Registers("serves nothing once it has resumed", ["CORE-SUSPEND-D-07"], target => new ResumesDeaf(target)),
        BrokenDevice.Registers(
            "ignores a reset while it is suspended", ["CORE-RESET-D-01.*-from-suspend", "CORE-RESET-D-01.*-between-checks"], target => new SuspendedForGood(target)),
        ForgetsDomains(),
        BrokenDevice.Registers("works off its queue once it shows SUSPEND", ["CORE-SUSPEND-D-08"], target => new LateWork(target)),
        BrokenDevice.Registers("answers the requests of a burst and does not use them", ["CORE-SUSPEND-D-09"], target => new LeavesHalfDone(target)),
        BrokenDevice.Registers("sends no notification of a burst", ["CORE-SUSPEND-D-10"], target => new SilentBurst(target)),
    ];

    /// <summary>Needs the device type as well as the registers. A model is put together from the inside out, so the device comes first.</summary>
    private static BrokenDevice ForgetsDomains()
    {
        IommuDevice? built = null;
        return new BrokenDevice("forgets its domains when it resumes", ["CORE-SUSPEND-D-07.domains-*"], new ModelVariation
        {
            Assemble = (device, _) =>
            {
                built = device;
                return new ModelParts(device, device);
            },
            Machine = target => new ForgetsOnResume(target, built!),
        });
    }

    private sealed class SuspendedForGood(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override void WriteStatus(DeviceStatus status)
        {
            if (status != DeviceStatus.None || !Suspension.IsSuspended(ReadStatus())) base.WriteStatus(status);
        }
    }

    private static bool HasAll(this DeviceStatus status, DeviceStatus bits) => (status & bits) == bits;

    private sealed class SuspendsEarly(ITarget inner) : RegisterInterceptor(inner)
    {
        private DeviceStatus early;

        protected override void WriteStatus(DeviceStatus status)
        {
            early = status.HasAll(DeviceStatus.DriverOk) ? DeviceStatus.None : status & DeviceStatus.Suspend;
            base.WriteStatus(status);
        }

        protected override DeviceStatus ReadStatus() => base.ReadStatus() | early;
    }

    private class FakesSuspension(ITarget inner) : RegisterInterceptor(inner)
    {
        protected bool IsFaking { get; private set; }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (!IsFaking && ReadStatus().HasAll(DeviceStatus.DriverOk) && status.HasAll(DeviceStatus.Suspend)) IsFaking = true;
            else if (status == DeviceStatus.None || status.HasAll(DeviceStatus.DriverOk)) IsFaking = false;
            base.WriteStatus(status & ~DeviceStatus.Suspend);
        }

        protected override DeviceStatus ReadStatus() =>
            IsFaking ? (base.ReadStatus() & ~DeviceStatus.DriverOk) | DeviceStatus.Suspend : base.ReadStatus();
    }

    private sealed class LateWork(ITarget inner) : FakesSuspension(inner)
    {
        private Doorbell? last;
        private int looks;

        protected override void Notify(Doorbell doorbell)
        {
            if (doorbell.Queue == IommuDriver.RequestQueueNumber) last = doorbell;
            base.Notify(doorbell);
        }

        // Not at the driver's first look, with which it learns of the suspension.
        protected override DeviceStatus ReadStatus()
        {
            looks = IsFaking ? looks + 1 : 0;
            if (looks > 1 && last is { } doorbell) base.Notify(doorbell);
            return base.ReadStatus();
        }
    }

    private sealed class ChangesConfiguration(ITarget inner) : RegisterInterceptor(inner)
    {
        private const uint DomainStartOffset = 24;

        protected override ulong ReadConfig(uint offset, int width) =>
            base.ReadConfig(offset, width) + (offset == DomainStartOffset && ReadStatus().HasAll(DeviceStatus.Suspend) ? 1UL : 0);
    }

    /// <summary>Takes a change of its configuration over while it runs for a moment, which no driver sees.</summary>
    private class TellsWhileSuspended(ITarget inner) : RegisterInterceptor(inner)
    {
        public override bool TryChangeBypass(bool bypass)
        {
            if (!ReadStatus().HasAll(DeviceStatus.Suspend)) return base.TryChangeBypass(bypass);
            WriteStatus(ReadStatus() | DeviceStatus.DriverOk);
            var isChanged = base.TryChangeBypass(bypass);
            WriteStatus(ReadStatus() | DeviceStatus.Suspend);
            return isChanged;
        }
    }

    private sealed class NeverTells(ITarget inner) : TellsWhileSuspended(inner)
    {
        public override bool TryChangeBypass(bool bypass) =>
            ReadStatus().HasAll(DeviceStatus.Suspend)
                ? With(CommonField.ConfigMsixVector, MsixTable.NoVector, () => base.TryChangeBypass(bypass))
                : base.TryChangeBypass(bypass);
    }

    private sealed class NeverSuspends(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override void WriteStatus(DeviceStatus status) => base.WriteStatus(status & ~DeviceStatus.Suspend);
    }

    private sealed class NeverSuspendsBusy(ITarget inner) : RingInterceptor(inner)
    {
        private bool isBusy;

        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            isBusy = rings.Waiting > Burst;
            Pass(doorbell);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            base.WriteStatus(isBusy ? status & ~DeviceStatus.Suspend : status);
            if (status == DeviceStatus.None) isBusy = false;
        }
    }

    /// <summary>Something happens when the driver resumes the device.</summary>
    private abstract class Resuming(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override void WriteStatus(DeviceStatus status)
        {
            if (status.HasAll(DeviceStatus.DriverOk) && ReadStatus().HasAll(DeviceStatus.Suspend)) Resume(status);
            else base.WriteStatus(status);
        }

        protected virtual void Resume(DeviceStatus status) => base.WriteStatus(status);
    }

    private sealed class NeverResumes(ITarget inner) : Resuming(inner)
    {
        protected override void Resume(DeviceStatus status)
        {
        }
    }

    private sealed class ResumesDeaf(ITarget inner) : Resuming(inner)
    {
        private bool isDeaf;

        protected override void Resume(DeviceStatus status)
        {
            base.Resume(status);
            isDeaf = true;
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) isDeaf = false;
            base.WriteStatus(status);
        }

        protected override void Notify(Doorbell doorbell)
        {
            if (!isDeaf) base.Notify(doorbell);
        }
    }

    private sealed class ForgetsOnResume(ITarget inner, IommuDevice device) : Resuming(inner)
    {
        protected override void Resume(DeviceStatus status)
        {
            device.Reset();
            device.FeaturesNegotiated(DriverFeatures());
            base.Resume(status);
        }
    }

    private sealed class LeavesHalfDone(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            var (before, isBurst) = (rings.UsedIndex, rings.Waiting > Burst);
            Pass(doorbell);
            if (isBurst) rings.UsedIndex = before;
        }
    }

    private sealed class SilentBurst(ITarget inner) : RingInterceptor(inner)
    {
        protected override void Serve(Doorbell doorbell, Rings rings)
        {
            if (rings.Waiting <= Burst) Pass(doorbell);
            else With(CommonField.QueueSelect, IommuDriver.RequestQueueNumber, () => With(CommonField.QueueMsixVector, MsixTable.NoVector, () => PassSilently(doorbell)));
        }

        private bool PassSilently(Doorbell doorbell)
        {
            Pass(doorbell);
            return true;
        }
    }
}
