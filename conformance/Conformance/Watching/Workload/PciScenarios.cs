using Viommu.Conformance.Checks.Pci;
using Viommu.Conformance.Selftest;
using Viommu.Guest.Pci;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Selftest.ShowsConfiguration;

namespace Viommu.Conformance.Watching.Workload;

/// <summary>What a driver meets on modern PCI alone: functions that look otherwise than others, and all ways of notification.</summary>
internal static class PciScenarios
{
    public const string Messages = "messages";
    public const string OldRevision = "a function of revision 0";
    public const string ReservedTypes = "capabilities of reserved types";
    public const string ReservedBar = "a capability with a reserved bar";
    public const string TwoStructures = "two structures of each type";
    public const string LongCapabilities = "capabilities with bytes behind their fields";
    public const string Padding = "padding between capabilities";
    public const string LargeStructure = "a structure of 4 MiB";
    public const string VendorData = "vendor data";
    public const string VendorDataOfSeveral = "vendor data of several vendors";
    public const string OneVector = "one MSI-X vector";
    public const string NotificationData = "doorbells with positions";
    public const string NotifConfigData = "doorbells with names";
    public const string BothData = "doorbells with names and positions";
    public const string Window = "the window in configuration space";
    public const string SharedInterrupt = "one interrupt for two reasons";

    /// <summary>What a capability of <see cref="VendorDataOfSeveral"/> takes.</summary>
    public const byte VendorDataSize = 8;

    // Where BAR 0 of the reference device has nothing.
    private const uint Nowhere = 0x1800;

    public static IEnumerable<Scenario> All() =>
    [
        Pci(Messages, user => Use(user)),
        Showing(OldRevision, _ => [new ShownByte(0x08, 0)]),
        Showing("a function of revision 255", _ => [new ShownByte(0x08, 0xff)]),
        Showing(ReservedTypes, function => InFront(
            function, Structure(0, Nowhere, 0x40), Structure((StructureType)6, Nowhere, 0x40), Structure((StructureType)0xff, Nowhere, 0x40))),
        Showing(ReservedBar, function => InFront(function, InBar(6, Structure(StructureType.Common, Nowhere, 0x40)), InBar(0xff, Structure(StructureType.Notify, Nowhere, 8, 4)))),
        On(TwoStructures, target => new Aliases(target)),
        Showing(LongCapabilities, function => Linked(
            function.Capabilities().First(capability => capability.Id == PciCapability.MsiX).Offset + 1, At(function, StructureType.PciConfigurationAccess),
            Copy(function, StructureType.Common), Copy(function, StructureType.Notify), Copy(function, StructureType.Isr), Copy(function, StructureType.Device))),
        Showing(Padding, function => Linked(
            function.Capabilities().First(capability => capability.Id == PciCapability.MsiX).Offset + 1, At(function, StructureType.PciConfigurationAccess),
            Padded(function, StructureType.Common), Padded(function, StructureType.Notify), Padded(function, StructureType.Isr), Padded(function, StructureType.Device))),
        Showing(LargeStructure, function => Dword(At(function, StructureType.Notify) + 12, 4 << 20)),
        Showing(VendorData, function => Added(function, [12, (byte)StructureType.VendorData, 0x34, 0x12, 1, 2, 3, 4, 5, 6])),
        Showing(VendorDataOfSeveral, function => InFront(function, DataOf(0x1234), DataOf(0x8086), DataOf(0x1234))),
        WithVectors(OneVector, 1),
        WithVectors("two MSI-X vectors", 2),
        WithVectors("2048 MSI-X vectors", 0x800),
        Offering(NotificationData, Features.NotificationData),
        Offering(NotifConfigData, Features.NotifConfigData),
        Offering(BothData, Features.NotificationData | Features.NotifConfigData),
        Pci(Window, LookThroughWindow),
        Pci(SharedInterrupt, ShareInterrupt),
    ];

    private static Scenario Pci(string name, Action<GuestUser> play) => new(name, play) { Transports = [ModelTransport.Pci] };

    private static Scenario On(string name, Func<ITarget, ITarget> machine) => Pci(name, user => Use(user)) with { Misbehaviour = new ModelVariation { Machine = machine } };

    private static Scenario Showing(string name, Func<PciFunction, IEnumerable<ShownByte>> shown) => On(name, target => new ShowsConfiguration(target, shown));

    private static Scenario WithVectors(string name, int vectors) => Pci(name, user => Use(user)) with
    {
        Misbehaviour = new ModelVariation { PciOptions = options => options with { MsixVectors = vectors } },
    };

    private static Scenario Offering(string name, ulong features) => Pci(name, user => Use(user, features)) with
    {
        Shape = new TargetShape { Offering = features },
        Misbehaviour = new ModelVariation { Machine = target => new NamesQueues(target) },
    };

    private static void Use(GuestUser user, ulong alsoAccept = 0)
    {
        var notifications = user.Machine.Transport.HasMessages ? NotificationMode.Messages : NotificationMode.Line;
        user.Start(user.Settings with { Accept = GuestUser.Everything | alsoAccept, Notifications = notifications });
        user.AttachAll(user.Domain(0));
        var (at, _) = user.Map(user.Domain(0));
        user.Machine.Transport.TakeNotifications();
        user.Unmap(user.Domain(0), at);
        user.Stop();
    }

    /// <summary>As a boot loader does before a driver comes.</summary>
    private static void LookThroughWindow(GuestUser user)
    {
        var function = user.Machine.Pci!.Function;
        var window = At(function, StructureType.PciConfigurationAccess);
        var common = VirtioCapability.All(function, StructureType.Common)[0];
        function.Write(window + 4, 1, (uint)common.Bar);
        foreach (var (offset, width) in ((uint, int)[])[(CommonField.NumQueues.Offset, 2), (CommonField.DeviceStatus.Offset, 1), (CommonField.DeviceFeature.Offset, 4)])
        {
            function.Write(window + 12, 4, (uint)width);
            function.Write(window + 8, 4, common.Offset + offset);
            function.Read(window + 16, width);
        }
        user.Start();
        user.Stop();
    }

    private static void ShareInterrupt(GuestUser user)
    {
        user.Start(user.Settings with { Accept = GuestUser.Everything & ~Features.EventIdx, Notifications = NotificationMode.Line });
        user.AttachAll(user.Domain(0));
        user.HandleInterrupt();
        user.Machine.Target.BusMasters[0].Store(user.Virtual(1), 0, 4);
        user.Machine.Target.TryChangeBypass(user.Machine.ReadBypass() == 0);
        user.Machine.Target.Settle();
        user.HandleInterrupt();
        user.Stop();
    }

    private static byte[] InBar(byte bar, byte[] capability)
    {
        capability[2] = bar;
        return capability;
    }

    private static byte[] DataOf(ushort vendor) => [VendorDataSize, (byte)StructureType.VendorData, (byte)vendor, (byte)(vendor >> 8), 0xda, 0x7a];

    /// <summary>The capability of a type with four bytes more behind it.</summary>
    private static byte[] Copy(PciFunction function, StructureType type)
    {
        byte[] body = [.. Body(function, type), 0, 0, 0, 0];
        body[0] += 4;
        return body;
    }

    /// <summary>The capability of a type with four bytes behind it that it does not count as its own: they look like the start of another, at the end of the list.</summary>
    private static byte[] Padded(PciFunction function, StructureType type) => [.. Body(function, type), PciCapability.VendorSpecific, 0, 16, (byte)StructureType.Common];

    private static IEnumerable<byte> Body(PciFunction function, StructureType type)
    {
        var original = VirtioCapability.All(function, type)[0];
        return Enumerable.Range(2, original.CapabilityLength - 2).Select(i => (byte)function.Read(original.At + i, 1));
    }

    /// <summary>A function whose structures are there twice.</summary>
    private sealed class Aliases(ITarget inner) : ShowsConfiguration(inner, function => Added(
        function, Structure(StructureType.Common, Distance, 0x40), Structure(StructureType.Notify, 0x3000 + Distance, 8, 4), Structure(StructureType.Device, 0x2000 + Distance, 0x28)))
    {
        private const uint Distance = 0x800;
        private const uint BarSize = 0x4000;

        public override ulong MmioRead(ulong address, int width) => base.MmioRead(Original(address), width);

        public override void MmioWrite(ulong address, int width, ulong value) => base.MmioWrite(Original(address), width, value);

        private ulong Original(ulong address)
        {
            var bar = Function.Read(0x10, 4) & ~0xfUL;
            return address >= bar && address - bar < BarSize && ((address - bar) & Distance) != 0 ? address - Distance : address;
        }
    }

    /// <summary>Names its queues otherwise than by their numbers, where a driver has to use the names.</summary>
    private sealed class NamesQueues(ITarget inner) : RegisterInterceptor(inner)
    {
        protected override ulong ReadRegister(CommonField field) =>
            field == CommonField.QueueNotifConfigData && base.ReadRegister(field) is var queue ? 0x5a00 + (0x11 * queue) : base.ReadRegister(field);
    }
}
