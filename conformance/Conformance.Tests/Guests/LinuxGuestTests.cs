using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using Viommu.Guest.Targets.Processes;

namespace Viommu.Conformance.Tests.Guests;

/// <summary>The guest of <c>conformance/guests</c>, which LINUX_GUEST names, on QEMU's own virtio-iommu: what it says of a device is worth what it says here.</summary>
public sealed class LinuxGuestTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("linux-guest-");

    public void Dispose() => _folder.Delete(recursive: true);

    [SkippableFact]
    public void Every_step_of_the_guest_is_done_for_every_endpoint()
    {
        byte[][] disks = [RandomNumberGenerator.GetBytes(8 << 20), RandomNumberGenerator.GetBytes(3 << 20)];

        var said = Boot("viommu.do=read,write,rebind:2,identity,read", disks, "virtio-iommu-pci,addr=3");

        foreach (var (number, disk) in disks.Index())
        {
            string function = $"0000:00:{4 + number:x2}.0", name = $"vd{(char)('a' + number)}";
            Assert.Contains($"group {number} DMA-FQ {function}", said);
            Assert.Contains($"reserved {number} 0x00000000fee00000 0x00000000feefffff msi", said);
            Assert.Equal($"read {name} {disk.Length} {Sum(disk)}", said.First(line => line.StartsWith($"read {name} ", StringComparison.Ordinal)));

            // What the guest says that it wrote is what the disk holds, and what it reads at the end.
            var written = said.Single(line => line.StartsWith($"write {name} ", StringComparison.Ordinal)).Split(' ');
            byte[] image = File.ReadAllBytes(PathOf(number));
            int from = int.Parse(written[2], CultureInfo.InvariantCulture), length = int.Parse(written[3], CultureInfo.InvariantCulture);
            Assert.Equal(1 << 20, length);
            Assert.Equal(written[4], Sum(image.AsSpan(from, length)));
            Assert.NotEqual(Sum(disk), Sum(image));
            Assert.Equal($"read {name} {disk.Length} {Sum(image)}", said.Last(line => line.StartsWith($"read {name} ", StringComparison.Ordinal)));

            Assert.Contains($"rebind {function} 2", said);
            Assert.Contains($"identity {function} identity", said);
            Assert.Contains($"identity {function} DMA", said);
        }

        Assert.Equal(["boot ok", "read ok", "write ok", "rebind:2 ok", "identity ok", "read ok", "end"], said.Where(IsEndOfStep));
    }

    [SkippableFact]
    public void Steps_that_cannot_be_done_fail_and_say_why()
    {
        var said = Boot(
            "viommu.do=sing,identity,rebind:0,read", [new byte[1 << 20]], null,
            "file.driver=blkdebug,file.inject-error.0.event=read_aio,file.inject-error.0.errno=5,file.inject-error.0.sector=1000,file.image.filename=");

        Assert.Contains("group none - 0000:00:04.0", said);
        Assert.Equal(
            [
                "boot ok", "sing failed: there is no such step", "identity failed: 0000:00:04.0 has no group", "rebind:0 failed: there is no such step",
                "read failed: /dev/vda in blocks of 4k: dd: /dev/vda: Input/output error", "end",
            ],
            said.Where(IsEndOfStep));
    }

    [SkippableFact]
    public void Without_an_endpoint_no_step_is_done() => Assert.Equal(
        ["boot failed: there is no virtio-blk function (1af4:1042) on the PCI bus", "end"],
        Boot("viommu.do=read", [], "virtio-iommu-pci,addr=3"));

    [SkippableFact]
    public void A_step_that_takes_longer_than_it_may_fails_and_the_guest_goes_on_to_its_end()
    {
        var said = Boot("viommu.do=rebind:999 viommu.limit=8", [new byte[1 << 20]], "virtio-iommu-pci,addr=3");

        Assert.Equal(["boot ok", "rebind:999 failed: not done within 8 s", "end"], said.Where(IsEndOfStep));
    }

    private static bool IsEndOfStep(string line) => line == "end" || line.EndsWith(" ok", StringComparison.Ordinal) || line.Contains(" failed: ", StringComparison.Ordinal);

    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "the guest's sum, which nobody is to trust but in a test")]
    private static string Sum(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(MD5.HashData(bytes));

    private string PathOf(int disk) => Path.Combine(_folder.FullName, $"disk{disk}");

    // The lines of the guest, without what marks them as such.
    private List<string> Boot(string orders, byte[][] disks, string? iommu, string image = "file=")
    {
        // Where how long a step may take is not what is asked, it may take as long as any machine needs; of two the guest goes by the last.
        var guest = InstalledGuest.Folder();
        var qemu = InstalledGuest.Qemu();
        List<string> arguments =
        [
            "-accel", "tcg", "-cpu", "max", "-M", "q35,sata=off", "-m", "256", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
            "-kernel", Path.Combine(guest, "vmlinuz"), "-initrd", Path.Combine(guest, "initrd.gz"), "-append", $"console=ttyS0 panic=-1 oops=panic viommu.limit=600 {orders}",
        ];
        if (iommu is not null) arguments.AddRange(["-device", iommu]);
        foreach (var (number, disk) in disks.Index())
        {
            File.WriteAllBytes(PathOf(number), disk);
            arguments.AddRange(
            [
                "-drive", $"if=none,id=d{number},format=raw,{image}{PathOf(number)}",
                "-device", $"virtio-blk-pci,drive=d{number},disable-legacy=on,addr={4 + number}{(iommu is null ? "" : ",iommu_platform=on")}",
            ]);
        }

        string console = Console(qemu, arguments);
        const string mark = "viommu: ";
        var said = console.Split('\n').Where(line => line.StartsWith(mark, StringComparison.Ordinal)).Select(line => line[mark.Length..].TrimEnd('\r')).ToList();
        Assert.True(said.LastOrDefault() == "end", $"the guest did not get to its end:\n{console}");
        return said;
    }

    private static string Console(string qemu, IEnumerable<string> arguments)
    {
        var start = ProcessLauncher.DyingWithUs(qemu, arguments);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = ProcessLauncher.Start(start);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        bool hasEnded = process.WaitForExit(Limit);
        if (!hasEnded) process.Kill(entireProcessTree: true);
        string console = output.Result + errors.Result;
        Assert.True(hasEnded, $"the guest did not come to an end within {Limit}:\n{console}");
        return console;
    }
}
