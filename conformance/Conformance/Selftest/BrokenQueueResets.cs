using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of virtqueue reset and re-enable (2.6.1).</summary>
internal static class BrokenQueueResets
{
    private const string Resized = "CORE-VQENABLE-D-01.a-queue-enabled-again-has-its-new-*";

    public static IEnumerable<BrokenDevice> All() =>
    [
        BrokenDevice.Registers("puts a queue reset off until the queue is set up again", ["CORE-VQRESET-D-01"], target => new PutsOffQueueReset(target)),
        BrokenDevice.Registers(
            "goes on with the former queue after its reset", ["CORE-VQRESET-D-01", "CORE-VQRESET-D-02", "PCI-COMMON-D-11", Resized], target => new PretendsQueueReset(target)),
        BrokenDevice.Registers(
            "shows the former size after a queue reset", ["CORE-VQRESET-D-02.the-size-*"], target => new ShowsFormerSize(target)),
        BrokenDevice.Registers("gives a queue its first size for good", [Resized, "PCI-COMMON-V-09"], target => new FirstSizeForGood(target)),
        BrokenDevice.Registers("never serves a queue again that was reset", ["PCI-COMMON-V-08"], target => new GivesUpQueues(target)),
        BrokenDevice.Registers(
            "shows a new message vector and goes on with the old one", ["CORE-VQENABLE-D-01.*-notifies-by-its-new-vector"], target => new FixedVectors(target)),
    ];

    /// <summary>Shows the reset of a queue as complete, and goes on using the queue.</summary>
    private abstract class FakesQueueReset(ITarget inner) : RegisterInterceptor(inner)
    {
        private ulong? fake;

        protected override ulong ReadRegister(CommonField field) =>
            IsFake && (field == CommonField.QueueEnable || field == CommonField.QueueReset) ? 0 : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.QueueReset) fake = Real(CommonField.QueueSelect);
            else if (IsFake && IsSetUp(field)) SetUp(field, value);
            else base.WriteRegister(field, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) fake = null;
            base.WriteStatus(status);
        }

        /// <summary>The driver sets the queue up again.</summary>
        protected abstract void SetUp(CommonField field, ulong value);

        /// <summary>Resets the queue in earnest.</summary>
        protected void ResetReally()
        {
            fake = null;
            WriteReal(CommonField.QueueReset, 1);
        }

        private bool IsFake => fake == Real(CommonField.QueueSelect);

        private static bool IsSetUp(CommonField field) =>
            field == CommonField.QueueSize || field == CommonField.QueueEnable
            || (field.Offset >= CommonField.QueueDescLow.Offset && field.Offset <= CommonField.QueueDeviceHigh.Offset);
    }

    private sealed class PutsOffQueueReset(ITarget inner) : FakesQueueReset(inner)
    {
        protected override void SetUp(CommonField field, ulong value)
        {
            ResetReally();
            WriteReal(field, value);
        }
    }

    private sealed class PretendsQueueReset(ITarget inner) : FakesQueueReset(inner)
    {
        protected override void SetUp(CommonField field, ulong value)
        {
        }
    }

    /// <summary>Keeps an eye on the size that the driver gives the request queue.</summary>
    private abstract class KnowsSize(ITarget inner) : RegisterInterceptor(inner)
    {
        /// <summary>The first size since the last device reset; null before it is written.</summary>
        protected ulong? First { get; private set; }

        protected bool IsSizeOfRequests(CommonField field) =>
            field == CommonField.QueueSize && Real(CommonField.QueueSelect) == IommuDriver.RequestQueueNumber;

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (IsSizeOfRequests(field)) First ??= value;
            base.WriteRegister(field, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) First = null;
            base.WriteStatus(status);
        }
    }

    private sealed class ShowsFormerSize(ITarget inner) : KnowsSize(inner)
    {
        protected override ulong ReadRegister(CommonField field) => IsSizeOfRequests(field) && First is { } size ? size : base.ReadRegister(field);
    }

    private sealed class FirstSizeForGood(ITarget inner) : KnowsSize(inner)
    {
        protected override void WriteRegister(CommonField field, ulong value) =>
            base.WriteRegister(field, IsSizeOfRequests(field) && First is { } size ? size : value);
    }

    private sealed class GivesUpQueues(ITarget inner) : RegisterInterceptor(inner)
    {
        private readonly HashSet<int> given = [];

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.QueueReset) given.Add((int)Real(CommonField.QueueSelect));
            base.WriteRegister(field, value);
        }

        protected override void Notify(Doorbell doorbell)
        {
            if (!given.Contains(doorbell.Queue)) base.Notify(doorbell);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) given.Clear();
            base.WriteStatus(status);
        }
    }

    private sealed class FixedVectors(ITarget inner) : RegisterInterceptor(inner)
    {
        private ulong? shown;

        protected override ulong ReadRegister(CommonField field) => field == CommonField.QueueMsixVector && shown is { } vector ? vector : base.ReadRegister(field);

        protected override void WriteRegister(CommonField field, ulong value)
        {
            if (field == CommonField.DeviceStatus && value == 0) shown = null;
            if (field == CommonField.QueueMsixVector && (ReadStatus() & DeviceStatus.DriverOk) != 0) shown = value;
            else base.WriteRegister(field, value);
        }
    }
}
