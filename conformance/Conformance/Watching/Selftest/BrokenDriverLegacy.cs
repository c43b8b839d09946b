using System.Buffers.Binary;
using Viommu.Conformance.Watching.Live;
using Viommu.Conformance.Watching.Workload;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Drivers that break rules of the legacy interfaces.</summary>
internal static class BrokenDriverLegacy
{
    private static readonly ModelConfiguration Mmio = new(ModelTransport.LegacyMmio);
    private static readonly ModelConfiguration Pci = new(ModelTransport.TransitionalPci);

    public static IEnumerable<BrokenDriver> All() =>
    [
        BrokenDriver.Doing("accepts VERSION_1 of a legacy device", ["LEGACY-FEAT-V-01"], user =>
        {
            var mmio = (MmioRegisters)user.Machine.Transport;
            Negotiation.Begin(user.Machine);
            mmio.Write(MmioRegister.DriverFeaturesSel, 1);
            mmio.Write(MmioRegister.DriverFeatures, 1);
            Negotiation.SetDriverOk(user.Machine);
        }) with
        { Configuration = Mmio },
        Writing("sets FEATURES_OK on a legacy interface", ["LEGACY-INIT-V-01", "LEGACY-FEAT-D-02", "LEGACY-TERM-D-01"], MmioRegister.Status, status => status == 0 ? 0 : status | (ulong)DeviceStatus.FeaturesOk),
        Writing("declines ANY_LAYOUT", "LEGACY-RSVD-V-01", MmioRegister.DriverFeatures, features => features & ~Features.AnyLayout),
        Writing("accepts bit 30", "LEGACY-RSVD-V-02", MmioRegister.DriverFeatures, features => features | 1UL << 30),
        new("places its queues without a look at their size", "LEGACY-VQ-V-01")
        {
            Configuration = Mmio,
            Tamper = target => new AccessTamper(target) { Reads = (access, pass) => IsAt(access, MmioRegister.QueueSizeMax) ? 64 : pass(access) },
        },
        Writing("has both queues in the same memory", "LEGACY-VQ-V-02", MmioRegister.QueuePfn, page => page == 0 ? 0 : 0x200UL),
        Writing("tells the page behind the one that a queue starts in", "LEGACY-VQ-V-03", MmioRegister.QueuePfn, page => page == 0 ? 0 : page + 1),
        new("counts what is available in big-endian", "LEGACY-VQ-V-04") { Configuration = Mmio, Tamper = target => new CountsInBigEndian(target) },
        BrokenDriver.Doing("uses the modern interface beside the legacy one", ["LEGACY-PCI-V-01", "LEGACY-TERM-D-02"], user =>
        {
            user.Start();
            if (user.Machine.Transport is not TransitionalPciTransport legacy) throw new GuestSetupException("the device is not a transitional function");
            var structures = VirtioStructures.Find(legacy.Function);
            user.Machine.Target.MmioRead(structures.Common + CommonField.NumQueues.Offset, CommonField.NumQueues.Width);
        }) with
        { Configuration = Pci },
        new("looks for the configuration at 24 whether MSI-X is enabled or not", "LEGACY-PCI-V-03")
        {
            Configuration = Pci,
            Tamper = target => new AccessTamper(target) { Reads = (access, pass) => pass(Moved(access, LegacyHeader.EndWithoutMsix, 4)) },
        },
        new("looks for the configuration at 20 although MSI-X is enabled", "LEGACY-PCI-V-03")
        {
            Configuration = Pci,
            Script = new Scenario("with MSI-X", user =>
            {
                user.Start(user.Settings with { Notifications = NotificationMode.Messages });
                user.Machine.ReadConfig();
            }),
            Tamper = target => new AccessTamper(target) { Reads = (access, pass) => pass(access.Width == 4 ? Moved(access, LegacyHeader.EndWithMsix, -4) : access) },
        },
        Blind("takes a transitional function for a legacy one without a look", "LEGACY-PCIDETECT-V-01", Pci),
        Blind("knows where the structures of a function are without a look", "LEGACY-PCIDETECT-V-03", new ModelConfiguration()),
    ];

    private static bool IsAt(RegisterAccess access, uint register) => access.Space == RegisterSpace.Mmio && access.Offset == register;

    private static RegisterAccess Moved(RegisterAccess access, ushort from, int by) =>
        access.Space == RegisterSpace.LegacyIo && access.Offset >= from ? access with { Offset = (uint)(access.Offset + by) } : access;

    private static BrokenDriver Writing(string name, string breaks, uint register, Func<ulong, ulong> instead) => Writing(name, [breaks], register, instead);

    private static BrokenDriver Writing(string name, string[] breaks, uint register, Func<ulong, ulong> instead) => new(name, breaks)
    {
        Configuration = Mmio,
        Tamper = target => new AccessTamper(target) { Writes = (access, pass) => pass(IsAt(access, register) ? access with { Value = instead(access.Value) } : access) },
    };

    /// <summary>One that takes for granted where the capability list of the model starts.</summary>
    private static BrokenDriver Blind(string name, string breaks, ModelConfiguration configuration) => new(name, breaks)
    {
        Configuration = configuration,
        Tamper = target => new AccessTamper(target)
        {
            Reads = (access, pass) => access is { Space: RegisterSpace.PciConfiguration, Offset: 0x34 } ? 0x40 : pass(access),
        },
    };

    private sealed class CountsInBigEndian(WatchedTarget inner) : DriverTamper(inner)
    {
        protected override void WriteRam(ulong address, ReadOnlySpan<byte> bytes)
        {
            // Of 16-bit writes, only the index moves by one at a time from 1 on.
            if (bytes.Length == 2 && BinaryPrimitives.ReadUInt16LittleEndian(bytes) is var value and > 0 and < 256)
            {
                Span<byte> swapped = stackalloc byte[2];
                BinaryPrimitives.WriteUInt16BigEndian(swapped, value);
                PassRam(address, swapped);
            }
            else
            {
                PassRam(address, bytes);
            }
        }
    }
}
