using Viommu.Device.Iommu;
using Viommu.Device.Wire;
using Viommu.Guest.Targets.Model;
using IommuConfig = Viommu.Guest.Wire.IommuConfig;

namespace Viommu.Conformance.Selftest;

/// <summary>Devices that break rules of feature bits and configuration.</summary>
internal static class BrokenConfiguration
{
    // The input_range of the shape that DESC-IOMMU-04 asks for.
    private const ulong FirstAddress = 0x1000_0000;
    private const ulong LastAddress = 0x1fff_ffff;

    public static IEnumerable<BrokenDevice> All() =>
    [
        Offering("offers no MAP_UNMAP", ["IOMMU-FEAT-D-01"], features => features & ~IommuFeatures.MapUnmap),
        Offering("offers BYPASS in place of BYPASS_CONFIG", ["IOMMU-FEAT-D-02"], features => (features & ~IommuFeatures.BypassConfig) | IommuFeatures.Bypass),
        Offering("offers BYPASS beside BYPASS_CONFIG", ["IOMMU-FEAT-D-03"], features => features | IommuFeatures.Bypass),
        BrokenDevice.With("has an empty page_size_mask", ["IOMMU-CFG-D-01"], (device, _) => new EmptyMask(device)),
        BrokenDevice.Requests("maps large pages only", ["IOMMU-CFG-D-02"], (request, reply, next) =>
        {
            if (request[0] != Guest.Wire.RequestType.Map || request.Length < 16 || (request[9] & 0x10) == 0) return next(request, reply);
            reply[0] = (byte)Guest.Wire.RequestStatus.Range;
            return 4;
        }),
        BrokenDevice.With("starts with bypass 3", ["IOMMU-CFG-D-06"], (device, _) => new OddInitialBypass(device)),
        BrokenDevice.With("clears bypass once features are negotiated", ["IOMMU-CFG-D-03"], (device, _) => new NegotiationClearsBypass(device)),
        BrokenDevice.With("ignores what is written to bypass", ["DESC-IOMMU-05.bypass-reads-*"], (device, _) => new BypassIsReadOnly(device)),
        BrokenDevice.With("restores bypass on device reset", ["IOMMU-CFG-D-04"], (device, _) => new ResetRestoresBypass(device)),
        BrokenDevice.With("keeps bypass over a system reset", ["IOMMU-CFG-D-05"], (device, _) => new SystemResetKeepsBypass(device)),
        BrokenDevice.With("shows whatever was written to bypass", ["IOMMU-CFG-D-06"], (device, _) => new BypassShowsAnything(device)),
        NarrowInputRange("maps addresses outside input_range", (_, _) => true),
        NarrowInputRange("maps from below the start of input_range", (_, end) => end >= FirstAddress && end <= LastAddress),
    ];

    // Of a range that is not wholly inside input_range, whether the device maps it.
    private static BrokenDevice NarrowInputRange(string name, Func<ulong, ulong, bool> maps) => new(name, ["DESC-IOMMU-04"], new ModelVariation
    {
        Options = options => options with { InputRange = new IommuOptions().InputRange },
        Assemble = (device, _) =>
        {
            var narrow = new ShowsNarrowInputRange(device, maps);
            return new ModelParts(narrow, narrow);
        },
    });

    private static BrokenDevice Offering(string name, string[] breaks, Func<IommuFeatures, IommuFeatures> change) =>
        new(name, breaks, new ModelVariation { Options = options => options with { Features = change(options.Features) } });

    /// <summary>Changes what the driver reads of one configuration byte.</summary>
    private abstract class BypassByte(IommuDevice device) : Interceptor(device)
    {
        public override void ReadConfig(int offset, Span<byte> into)
        {
            base.ReadConfig(offset, into);
            var at = IommuConfig.BypassOffset - offset;
            if (at >= 0 && at < into.Length) into[at] = Shown(into[at]);
        }

        protected abstract byte Shown(byte real);

        protected byte Real()
        {
            Span<byte> bypass = stackalloc byte[1];
            Device.ReadConfig(IommuConfig.BypassOffset, bypass);
            return bypass[0];
        }
    }

    private sealed class EmptyMask(IommuDevice device) : Interceptor(device)
    {
        public override void ReadConfig(int offset, Span<byte> into)
        {
            base.ReadConfig(offset, into);
            if (offset < 8) into[..Math.Min(into.Length, 8 - offset)].Clear();
        }
    }

    private sealed class OddInitialBypass(IommuDevice device) : BypassByte(device)
    {
        private bool written;

        public override void WriteConfig(int offset, ReadOnlySpan<byte> bytes)
        {
            base.WriteConfig(offset, bytes);
            written = true;
        }

        protected override byte Shown(byte real) => written ? real : (byte)3;
    }

    private sealed class NegotiationClearsBypass(IommuDevice device) : BypassByte(device)
    {
        private bool negotiated;

        public override void FeaturesNegotiated(ulong features)
        {
            base.FeaturesNegotiated(features);
            negotiated = true;
        }

        public override void Reset()
        {
            base.Reset();
            negotiated = false;
        }

        protected override byte Shown(byte real) => negotiated ? (byte)0 : real;
    }

    private sealed class BypassIsReadOnly(IommuDevice device) : Interceptor(device)
    {
        public override void WriteConfig(int offset, ReadOnlySpan<byte> bytes)
        {
        }
    }

    private sealed class ResetRestoresBypass(IommuDevice device) : Interceptor(device)
    {
        public override void Reset() => Device.SystemReset();
    }

    private sealed class SystemResetKeepsBypass(IommuDevice device) : BypassByte(device)
    {
        private byte? kept;

        public override void WriteConfig(int offset, ReadOnlySpan<byte> bytes)
        {
            base.WriteConfig(offset, bytes);
            kept = null;
        }

        public override void SystemReset()
        {
            kept = Real();
            base.SystemReset();
        }

        protected override byte Shown(byte real) => kept ?? real;
    }

    private sealed class BypassShowsAnything(IommuDevice device) : BypassByte(device)
    {
        private byte? last;

        public override void WriteConfig(int offset, ReadOnlySpan<byte> bytes)
        {
            base.WriteConfig(offset, bytes);
            if (offset == IommuConfig.BypassOffset) last = bytes[0];
        }

        protected override byte Shown(byte real) => last ?? real;
    }

    private sealed class ShowsNarrowInputRange(IommuDevice device, Func<ulong, ulong, bool> maps) : Interceptor(device)
    {
        private static readonly byte[] Range = [.. BitConverter.GetBytes(FirstAddress), .. BitConverter.GetBytes(LastAddress)];

        protected override int Handle(byte[] request, Span<byte> reply)
        {
            var (start, end) = (U64(request, 8), U64(request, 16));
            if (request[0] != Guest.Wire.RequestType.Map || reply.Length < Guest.Wire.Request.TailSize || (start >= FirstAddress && end <= LastAddress) || maps(start, end))
                return base.Handle(request, reply);
            reply[0] = (byte)Guest.Wire.RequestStatus.Range;
            return Guest.Wire.Request.TailSize;
        }

        public override void ReadConfig(int offset, Span<byte> into)
        {
            base.ReadConfig(offset, into);
            for (var i = 0; i < into.Length; i++)
            {
                if (offset + i is >= 8 and < 24) into[i] = Range[offset + i - 8];
            }
        }
    }
}
