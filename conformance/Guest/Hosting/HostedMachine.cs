using Viommu.Device.Transport.Pci;
using Viommu.Device.Wire;
using Viommu.Guest.Hosting.VfioUser;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Targets.Processes;
using Viommu.Guest.Targets.Served;

namespace Viommu.Guest.Hosting;

/// <summary>
/// A machine whose virtio-iommu, and a disk behind it, are in this process, while processor, memory, firmware and guest are those of a virtual
/// machine monitor that reaches them over vfio-user: QEMU, since 10.1.
/// </summary>
public sealed class HostedMachine : IDisposable
{
    // What ModelTarget has there as well: endpoint ID 0x20 is the requester ID of 00:04.0.
    private const int IommuSlot = 3;
    private const int EndpointSlot = 4;

    private const int AcpiHeaderSize = 36;

    private readonly PrivateDirectory _directory = new(Path.GetTempPath());
    private readonly Lock _gate = new();
    private readonly List<HostedSocket> _sockets = [];
    private readonly BlockDevice _block;

    /// <summary>Makes a machine that is waited for on its sockets.</summary>
    /// <param name="disk">The content of the disk, which guests can write to; a multiple of 512 bytes.</param>
    /// <param name="configuration">How guests use the virtio-iommu: over modern PCI, with rings of either kind.</param>
    /// <param name="variation">Parts put in place of the reference device's own; null for the reference device.</param>
    /// <param name="around">Called with the target of the virtio-iommu; what it returns is what the guest drives.</param>
    /// <exception cref="TargetUnavailableException">There is no such device.</exception>
    public HostedMachine(byte[] disk, ModelConfiguration configuration, ModelVariation? variation, Func<ITarget, ITarget> around)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(around);
        if (configuration is not { Transport: ModelTransport.Pci }) throw new ArgumentException("vfio-user is for PCI functions", nameof(configuration));
        var memory = new DmaMap();
        var vectors = new MessageVectors(memory);
        using var source = new ModelTargetSource(variation, configuration) { Hosted = (vectors, new HostedMemory(memory)) };
        var target = source.Open(TargetShape.Default, out string? whyNot) ?? throw new TargetUnavailableException(whyNot ?? "there is no such device");
        _block = new BlockDevice(disk);
        var endpoint = target.BusMasters.OfType<IOutspokenBusMaster>().First(master => master.EndpointId == ModelTarget.FirstEndpoint);
        var endpointVectors = new MessageVectors(new EndpointMemory(endpoint));
        var options = new VirtioPciOptions { Features = VirtioFeatures.Default | VirtioFeatures.AccessPlatform, MsixVectors = 2 };
        var function = new VirtioPciFunction(_block, endpointVectors, options);

        var iommu = new PciAddress(0, IommuSlot, 0);
        Serve("iommu", new TargetFunction(target, iommu), new TargetFunction(around(target), iommu), memory, vectors);
        Serve("disk", new EndpointFunction(function), new EndpointFunction(function), new DmaMap(), endpointVectors);
        File.WriteAllBytes(_directory["viot"], target.ReadViot()![AcpiHeaderSize..]);
    }

    /// <summary>Bytes that went through the virtio-iommu to the disk and from it.</summary>
    public long Transferred => _block.Transferred;

    /// <summary>Over once the virtual machine monitor has gone, or faulted with what a device threw.</summary>
    public Task Gone => Task.WhenAll(_sockets.Select(socket => socket.Served));

    /// <summary>The path of a socket: <c>iommu</c> or <c>disk</c>.</summary>
    internal string this[string socket] => _directory[socket];

    /// <summary>What QEMU has to be told for this machine: it has one processor, which waits for each access to be over.</summary>
    public IReadOnlyList<string> QemuArguments(int memoryMebibytes) =>
    [
        "-M", "q35,memory-backend=ram,sata=off,smbus=off", "-smp", "1", "-m", $"{memoryMebibytes}",
        "-object", $"memory-backend-memfd,id=ram,size={memoryMebibytes}M,share=on",
        "-acpitable", $"sig=VIOT,oem_id=VIOMMU,oem_table_id=TOPOLOGY,data={_directory["viot"]}",
        .. _sockets.SelectMany(socket => (string[])["-device", socket.QemuDevice]),
    ];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var socket in _sockets) socket.Dispose();
        _directory.Dispose();
    }

    private void Serve(string name, IHostedFunction own, IHostedFunction driven, DmaMap memory, MessageVectors vectors)
    {
        var bars = new BarAccess(own, driven);
        var server = new VfioUserServer(bars, driven.Reset, memory, vectors, _gate);
        _sockets.Add(new HostedSocket(_directory[name], name == "iommu" ? IommuSlot : EndpointSlot, server));
    }
}
