using Viommu.Conformance.Watching.Live;
using Viommu.Conformance.Watching.Workload;
using Viommu.Guest;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Transport;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Selftest;

/// <summary>Drivers that break rules of virtio over MMIO (4.2).</summary>
internal static class BrokenDriverMmio
{
    private static readonly ModelConfiguration Mmio = new(ModelTransport.Mmio);

    public static IEnumerable<BrokenDriver> All() =>
    [
        Doing("reads a register that there is not", "MMIO-REG-V-01", (_, mmio) => mmio.Read(0x048)),
        Doing("writes a read-only register", "MMIO-REG-V-02", (_, mmio) => mmio.Write(MmioRegister.Version, 2)),
        Doing("reads a write-only register", "MMIO-REG-V-03", (_, mmio) => mmio.Read(MmioRegister.QueueSel)),
        Doing("reads a control register by 8 bits", "MMIO-REG-V-04", (user, _) => user.Machine.Target.MmioRead(Slot(user) + MmioRegister.Status, 1)),
        Doing("reads a configuration field by 64 bits", "MMIO-REG-V-05", (_, mmio) => mmio.ReadConfig(0, 8)),
        GoingOn("drives whatever has another magic value", ["MMIO-REG-V-06"], MmioScenarios.NoMagic, MmioRegister.MagicValue, 0x7472_6976),
        GoingOn("drives devices of any version", ["MMIO-REG-V-08"], MmioScenarios.OtherVersion, MmioRegister.Version, 2),
        GoingOn("drives a place without a device", ["MMIO-REG-V-10"], MmioScenarios.NoDevice, MmioRegister.DeviceId, 23),
        new("complains of a place without a device", "MMIO-REG-V-11")
        {
            Configuration = Mmio,
            Plays = [MmioScenarios.NoDevice],
            Belief = conclusion => conclusion is DeviceIgnored ? new DeviceIgnored("no device here") : conclusion,
        },
        Writing("reads features without a selection", ["MMIO-REG-V-12"], MmioRegister.DeviceFeaturesSel, (_, _) => { }),
        Writing("accepts features without a selection", ["MMIO-REG-V-13"], MmioRegister.DriverFeaturesSel, (_, _) => { }),
        Writing("makes its queues larger than the device can have them", ["MMIO-REG-V-14"], MmioRegister.QueueSize, (_, write) => write(0x8000)),
        Doing("changes the size of a queue in use", "MMIO-REG-V-15", (_, mmio) => mmio.WriteQueueSize(IommuDriver.RequestQueueNumber, 8)),
        With("says that a queue is stopped which is not", ["MMIO-REG-V-16"], MmioScenarios.StoppedQueue, target => new AccessTamper(target)
        {
            Reads = (access, pass) => IsAt(access, MmioRegister.QueueReady) ? 0 : pass(access),
            Writes = (access, pass) =>
            {
                if (!IsAt(access, MmioRegister.QueueReady) || access.Value != 0) pass(access);
            },
        }),
        With("does not look whether a queue has stopped", ["MMIO-REG-V-17"], MmioScenarios.StoppedQueue, target => new AccessTamper(target)
        {
            Reads = (access, pass) => IsAt(access, MmioRegister.QueueReady) ? 0 : pass(access),
        }),
        Acknowledging("acknowledges every bit that reads 1", ["MMIO-REG-V-18", "MMIO-REG-V-20"], MmioScenarios.InterruptJunk, (value, write) => write(value | 0xffff_fff0)),
        Acknowledging("acknowledges nothing", ["MMIO-REG-V-19"], MmioScenarios.Interrupts, (_, _) => { }),
        Acknowledging("acknowledges an undefined bit", ["MMIO-REG-V-20"], MmioScenarios.Interrupts, (value, write) => write(value | 4)),
        Doing("does not wait for a queue reset over MMIO", "MMIO-REG-V-21", (user, mmio) =>
        {
            mmio.ResetQueue(IommuDriver.RequestQueueNumber);
            user.Driver.ReplaceRequestQueue(64);
        }),
        With("reads DeviceID before anything else", ["MMIO-INIT-V-01"], EverydayScenarios.Everyday, target => new AccessTamper(target)
        {
            Reads = (access, pass) =>
            {
                if (IsAt(access, MmioRegister.MagicValue)) pass(access with { Offset = MmioRegister.DeviceId });
                return pass(access);
            },
        }),
        With("does not look what kind of device it drives", ["MMIO-INIT-V-02"], EverydayScenarios.Everyday, target => new AccessTamper(target)
        {
            Reads = (access, pass) => IsAt(access, MmioRegister.DeviceId) ? 23 : pass(access),
        }),
        Doing("looks for shared memory", "MMIO-INIT-V-05", (_, mmio) => mmio.Read(MmioRegister.ShmLenLow)),
        Early("initialises a device over MMIO without a reset", ["MMIO-INIT-V-06"], user => user.Machine.Transport.WriteStatus(DeviceStatus.Acknowledge)),
        Doing("acknowledges an interrupt that it knows nothing of", "MMIO-IRQ-V-01", (user, mmio) =>
        {
            user.Probe(user.Endpoints[0]);
            mmio.Write(MmioRegister.InterruptAck, 1);
        }),
    ];

    private static bool IsAt(RegisterAccess access, uint register) => access.Space == RegisterSpace.Mmio && access.Offset == register;

    private static ulong Slot(GuestUser user) => ((DeviceLocation.MmioSlot)user.Machine.Target.Iommu).Address;

    /// <summary>One that does something at once.</summary>
    private static BrokenDriver Early(string name, string[] breaks, Action<GuestUser> play) => BrokenDriver.Doing(name, breaks, play) with { Configuration = Mmio };

    /// <summary>One that does something once it has the device running.</summary>
    private static BrokenDriver Doing(string name, string breaks, Action<GuestUser, MmioTransport> play) => Early(name, [breaks], user =>
    {
        user.Start();
        play(user, user.Machine.Transport as MmioTransport ?? throw new GuestSetupException("the device is not driven over virtio-mmio version 2"));
    });

    private static BrokenDriver With(string name, string[] breaks, string scenario, Func<WatchedTarget, ITarget> tamper) =>
        new(name, breaks) { Configuration = Mmio, Plays = [scenario], Tamper = tamper };

    /// <summary>One that takes a register for what it ought to be.</summary>
    private static BrokenDriver GoingOn(string name, string[] breaks, string scenario, uint register, uint believed) => With(name, breaks, scenario, target => new AccessTamper(target)
    {
        Reads = (access, pass) => pass(access) is var value && IsAt(access, register) ? believed : value,
    });

    private static BrokenDriver Writing(string name, string[] breaks, uint register, Action<ulong, Action<ulong>> write, string scenario = EverydayScenarios.Everyday) =>
        With(name, breaks, scenario, target => new AccessTamper(target)
        {
            Writes = (access, pass) =>
            {
                if (IsAt(access, register)) write(access.Value, value => pass(access with { Value = value }));
                else pass(access);
            },
        });

    private static BrokenDriver Acknowledging(string name, string[] breaks, string scenario, Action<ulong, Action<ulong>> write) =>
        Writing(name, breaks, MmioRegister.InterruptAck, write, scenario);
}
