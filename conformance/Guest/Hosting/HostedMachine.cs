using System.Net.Sockets;
using System.Text;
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

    // What the address of a UNIX socket has room for, without the zero at its end.
    private const int LongestSocketPath = 107;

    private readonly PrivateDirectory _directory = new(Path.GetTempPath());
    private readonly Lock _gate = new();
    private readonly List<HostedSocket> _sockets = [];
    private readonly List<IDisposable> _parts = [];

    /// <summary>Makes a machine that is waited for on its sockets.</summary>
    /// <param name="disk">The content of the disk, which guests can write to; a multiple of 512 bytes.</param>
    /// <param name="configuration">How guests use the virtio-iommu: over modern PCI, with rings of either kind.</param>
    /// <param name="variation">Parts put in place of the reference device's own; null for the reference device.</param>
    /// <param name="around">Called with the target of the virtio-iommu; what it returns is what the guest drives.</param>
    /// <param name="diskAccessed">Called whenever the disk may have made accesses, which can have made the virtio-iommu report faults.</param>
    /// <exception cref="TargetUnavailableException">There is no such device, or no place for its sockets.</exception>
    public HostedMachine(byte[] disk, ModelConfiguration configuration, ModelVariation? variation, Func<ITarget, ITarget> around, Action? diskAccessed = null)
    {
        ArgumentNullException.ThrowIfNull(disk);
        ArgumentNullException.ThrowIfNull(around);
        if (configuration is not { Transport: ModelTransport.Pci }) throw new ArgumentException("vfio-user is for PCI functions", nameof(configuration));
        try
        {
            if (Encoding.UTF8.GetByteCount(IommuSocket) > LongestSocketPath)
                throw new TargetUnavailableException($"{IommuSocket} is too long for a socket: set TMPDIR to a folder with a shorter name");
            Build(disk, configuration, variation, around, diskAccessed ?? (() => { }));
        }
        catch (Exception failure)
        {
            Dispose();
            if (failure is IOException or SocketException) throw new TargetUnavailableException($"the machine cannot be made in {_directory.Path}: {failure.Message}", failure);
            throw;
        }
    }

    /// <summary>True once a device has ended its service by throwing; the machine is of no use any more.</summary>
    public bool IsBroken => _sockets.Exists(socket => socket.Served.IsFaulted);

    /// <summary>Over once the virtual machine monitor has gone, or faulted with what a device threw.</summary>
    public Task Gone => Task.WhenAll(_sockets.Select(socket => socket.Served));

    /// <summary>The path of the socket of the virtio-iommu, which is to be at 00:03.0.</summary>
    public string IommuSocket => _directory["iommu"];

    /// <summary>The path of the socket of the disk, which is to be at 00:04.0: endpoint 0x20.</summary>
    public string DiskSocket => _directory["disk"];

    /// <summary>The path of the VIOT that the guest is to find, without the header of an ACPI table.</summary>
    public string ViotFile => _directory["viot"];

    /// <summary>What QEMU has to be told for this machine: it has one processor, which waits for each access to be over.</summary>
    public IReadOnlyList<string> QemuArguments(int memoryMebibytes) =>
    [
        "-M", "q35,memory-backend=ram,sata=off,smbus=off", "-smp", "1", "-m", $"{memoryMebibytes}",
        "-object", $"memory-backend-memfd,id=ram,size={memoryMebibytes}M,share=on",
        "-acpitable", $"sig=VIOT,oem_id=VIOMMU,oem_table_id=TOPOLOGY,data={ViotFile.Replace(",", ",,", StringComparison.Ordinal)}",
        .. _sockets.SelectMany(socket => (string[])["-device", socket.QemuDevice]),
    ];

    /// <summary>Ends the service; what a device threw, or null.</summary>
    public Exception? Stop()
    {
        foreach (var socket in _sockets) socket.Dispose();
        try
        {
            Gone.Wait();
            return null;
        }
        catch (AggregateException failure)
        {
            return failure.GetBaseException();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Stop();
        foreach (var part in _parts) part.Dispose();
        _parts.Clear();
        _directory.Dispose();
    }

    private void Build(byte[] disk, ModelConfiguration configuration, ModelVariation? variation, Func<ITarget, ITarget> around, Action diskAccessed)
    {
        var memory = Own(new DmaMap());
        var vectors = Own(new MessageVectors(memory));
        using var source = new ModelTargetSource(variation, configuration) { Hosted = (vectors, new HostedMemory(memory)) };
        var target = source.Open(TargetShape.Default, out string? whyNot) ?? throw new TargetUnavailableException(whyNot ?? "there is no such device");
        var endpoint = target.BusMasters.OfType<IOutspokenBusMaster>().First(master => master.EndpointId == ModelTarget.FirstEndpoint);
        var endpointVectors = Own(new MessageVectors(new EndpointMemory(endpoint)));
        var options = new VirtioPciOptions { Features = VirtioFeatures.Default | VirtioFeatures.AccessPlatform, MsixVectors = 2 };
        var function = new EndpointFunction(new VirtioPciFunction(new BlockDevice(disk), endpointVectors, options), diskAccessed);

        File.WriteAllBytes(ViotFile, target.ReadViot()![AcpiHeaderSize..]);
        var iommu = new PciAddress(0, IommuSlot, 0);
        Serve(IommuSocket, IommuSlot, new TargetFunction(target, iommu), new TargetFunction(around(target), iommu), memory, vectors);
        Serve(DiskSocket, EndpointSlot, function, function, Own(new DmaMap()), endpointVectors);
    }

    private void Serve(string path, int slot, IHostedFunction own, IHostedFunction driven, DmaMap memory, MessageVectors vectors) =>
        _sockets.Add(new HostedSocket(path, slot, new VfioUserServer(new BarAccess(own, driven), driven.Reset, memory, vectors, _gate)));

    private T Own<T>(T part)
        where T : IDisposable
    {
        _parts.Add(part);
        return part;
    }
}
