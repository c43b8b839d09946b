using System.Buffers.Binary;
using Viommu.Device.Wire;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using DeviceStatus = Viommu.Guest.Wire.DeviceStatus;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of the legacy interface over virtio-mmio (4.2.4), and of every legacy interface.</summary>
internal static class BrokenLegacyMmio
{
    public static IEnumerable<BrokenDevice> All() =>
    [
        Useless("serves nobody who does not set FEATURES_OK", ["LEGACY-FEAT-D-01", "LEGACY-FEAT-V-02", "LEGACY-TERM-V-01"], target => new NeedsStatus(target, DeviceStatus.FeaturesOk)),
        Mmio("serves requests before DRIVER_OK in its first life alone", "LEGACY-FEAT-D-03", target => new TiresOfEarlyRequests(target)),
        Mmio("drops what is written to the configuration before the features", "LEGACY-INIT-D-01", target => new DropsEarlyConfiguration(target)),
        Mmio("serves nothing before DRIVER_OK", "LEGACY-INIT-D-02", target => new NeedsStatus(target, DeviceStatus.DriverOk)),
        Mmio("aligns every used ring to 4096", "LEGACY-VQ-D-01.*-over-mmio", target => new Ignores(target, MmioRegister.QueueAlign)),
        Useless("counts used buffers in big-endian", "LEGACY-VQ-D-02", target => new CountsInBigEndian(target)),
        Mmio("offers NOTIFY_ON_EMPTY and forgets about it", "LEGACY-RSVD-D-02", target => new OffersLow(target, Features.NotifyOnEmpty)),
        Mmio("does not offer ANY_LAYOUT", "LEGACY-RSVD-D-03", target => new HidesAnyLayout(target)),
        Useless("serves nobody who does not accept bit 30", "LEGACY-RSVD-D-04", target => new NeedsBit30(target)),
        Mmio("has Version 2 while it runs", "DESC-LEGACY-01", target => new BrokenMmio.ShowsWhileRunning(target, MmioRegister.Version, 2)),
        Mmio("counts in pages of 4096 whatever the guest's are", "DESC-LEGACY-02", target => new Ignores(target, MmioRegister.GuestPageSize)),
        Mmio("shows the page of the request queue for every queue", "DESC-LEGACY-03", target => new ShowsOnePage(target)),
        Mmio("goes on with a queue that was given up", "DESC-LEGACY-04", target => new GoesOn(target)),
        Mmio("keeps QueuePFN over a reset", "DESC-LEGACY-05", target => new KeepsPages(target)),
        Mmio("has, in version 1, as many queues as are selected", "DESC-LEGACY-06", target => new BrokenMmioQueues.HasAnyQueue(target)),
    ];

    private static BrokenDevice Mmio(string name, string breaks, Func<ITarget, MmioInterceptor> intercept) => Mmio(name, [breaks], intercept);

    private static BrokenDevice Mmio(string name, string[] breaks, Func<ITarget, MmioInterceptor> intercept) =>
        BrokenDevice.Registers(ModelTransport.LegacyMmio, name, breaks, intercept);

    /// <summary>One that no driver can use: without PROBE, so that none is needed to look it over.</summary>
    private static BrokenDevice Useless(string name, string breaks, Func<ITarget, MmioInterceptor> intercept) => Useless(name, [breaks], intercept);

    private static BrokenDevice Useless(string name, string[] breaks, Func<ITarget, MmioInterceptor> intercept) => Mmio(name, breaks, intercept).Without(IommuFeatures.Probe);

    /// <summary>Takes notice of notifications once a status bit was written.</summary>
    private sealed class NeedsStatus(ITarget inner, DeviceStatus bit) : MmioInterceptor(inner)
    {
        private DeviceStatus written;

        protected override void WriteStatus(DeviceStatus status)
        {
            written = status;
            base.WriteStatus(status);
        }

        protected override void Notify(uint value)
        {
            if ((written & bit) != 0) base.Notify(value);
        }
    }

    private sealed class TiresOfEarlyRequests(ITarget inner) : MmioInterceptor(inner)
    {
        private bool hasServedEarly;
        private bool isTired;

        protected override void WriteStatus(DeviceStatus status)
        {
            if (status == DeviceStatus.None) isTired = hasServedEarly;
            base.WriteStatus(status);
        }

        protected override void Notify(uint value)
        {
            if (!IsRunning && isTired) return;
            hasServedEarly |= !IsRunning;
            base.Notify(value);
        }
    }

    private sealed class DropsEarlyConfiguration(ITarget inner) : MmioInterceptor(inner)
    {
        private bool areFeaturesWritten;

        protected override void WriteRegister(uint register, uint value)
        {
            areFeaturesWritten |= register == MmioRegister.DriverFeatures;
            base.WriteRegister(register, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            areFeaturesWritten &= status != DeviceStatus.None;
            base.WriteStatus(status);
        }

        protected override void WriteConfig(uint offset, int width, ulong value)
        {
            if (areFeaturesWritten) base.WriteConfig(offset, width, value);
        }
    }

    private sealed class Ignores(ITarget inner, uint ignored) : MmioInterceptor(inner)
    {
        protected override void WriteRegister(uint register, uint value)
        {
            if (register != ignored) base.WriteRegister(register, value);
        }
    }

    private sealed class CountsInBigEndian(ITarget inner) : MmioInterceptor(inner)
    {
        private readonly Dictionary<uint, uint> sizes = [];

        protected override void WriteRegister(uint register, uint value)
        {
            if (register == MmioRegister.QueueSize) sizes[Queue] = value;
            base.WriteRegister(register, value);
        }

        protected override void Notify(uint value)
        {
            base.Notify(value);
            if (value != IommuDriver.RequestQueueNumber || !sizes.TryGetValue(value, out var size)) return;
            const ulong Page = 4096;
            var used = RealOf(value, MmioRegister.QueuePfn) * Page + (16 * size + 6 + 2 * size + Page - 1) / Page * Page;
            Span<byte> index = stackalloc byte[2];
            Ram.Read(used + 2, index);
            BinaryPrimitives.WriteUInt16BigEndian(index, BinaryPrimitives.ReadUInt16LittleEndian(index));
            Ram.Write(used + 2, index);
        }
    }

    /// <summary>Offers a bit among the first 32; drivers can accept it, and nothing comes of it.</summary>
    internal class OffersLow(ITarget inner, ulong bit) : MmioInterceptor(inner)
    {
        private uint offeredWord;
        private uint acceptedWord;

        protected bool IsAccepted { get; private set; }

        protected override uint ReadRegister(uint register) =>
            base.ReadRegister(register) | (register == MmioRegister.DeviceFeatures && offeredWord == 0 ? (uint)bit : 0);

        protected override void WriteRegister(uint register, uint value)
        {
            if (register == MmioRegister.DeviceFeaturesSel) offeredWord = value;
            if (register == MmioRegister.DriverFeaturesSel) acceptedWord = value;
            if (register == MmioRegister.DriverFeatures && acceptedWord == 0)
            {
                IsAccepted = (value & bit) != 0;
                value &= ~(uint)bit;
            }
            base.WriteRegister(register, value);
        }
    }

    private sealed class NeedsBit30(ITarget inner) : OffersLow(inner, 1 << 30)
    {
        protected override void Notify(uint value)
        {
            if (IsAccepted) base.Notify(value);
        }
    }

    private sealed class HidesAnyLayout(ITarget inner) : MmioInterceptor(inner)
    {
        protected override uint ReadRegister(uint register) =>
            base.ReadRegister(register) & (register == MmioRegister.DeviceFeatures ? ~(uint)Features.AnyLayout : uint.MaxValue);
    }

    private sealed class ShowsOnePage(ITarget inner) : MmioInterceptor(inner)
    {
        protected override uint ReadRegister(uint register) =>
            register == MmioRegister.QueuePfn ? RealOf(IommuDriver.RequestQueueNumber, register) : base.ReadRegister(register);
    }

    private sealed class GoesOn(ITarget inner) : MmioInterceptor(inner)
    {
        protected override void WriteRegister(uint register, uint value)
        {
            if (register != MmioRegister.QueuePfn || value != 0) base.WriteRegister(register, value);
        }
    }

    private sealed class KeepsPages(ITarget inner) : MmioInterceptor(inner)
    {
        private readonly Dictionary<uint, uint> kept = [];

        protected override uint ReadRegister(uint register) =>
            register == MmioRegister.QueuePfn && kept.TryGetValue(Queue, out var page) ? page : base.ReadRegister(register);

        protected override void WriteRegister(uint register, uint value)
        {
            if (register == MmioRegister.QueuePfn) kept.Remove(Queue);
            base.WriteRegister(register, value);
        }

        protected override void WriteStatus(DeviceStatus status)
        {
            for (uint queue = 0; status == DeviceStatus.None && queue < 2; queue++)
            {
                if (RealOf(queue, MmioRegister.QueuePfn) is not 0 and var page) kept[queue] = page;
            }
            base.WriteStatus(status);
        }
    }
}
