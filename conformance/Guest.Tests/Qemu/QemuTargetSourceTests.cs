using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Guest.Tests.Qemu;

public class QemuTargetSourceTests
{
    private const ulong EventIndex = 1ul << 29;
    private const ulong AccessPlatform = 1ul << 33;
    private const ulong Packed = 1ul << 34;
    private const ulong Reset = 1ul << 40;
    private const ulong Probe = 1ul << 4;

    [SkippableTheory]
    [InlineData(ModelTransport.Pci, Packed, Reset | AccessPlatform)]
    [InlineData(ModelTransport.Pci, Probe | EventIndex, Packed)]
    [InlineData(ModelTransport.Pci, AccessPlatform | Reset, Packed)]
    [InlineData(ModelTransport.Mmio, Packed, Reset)]
    [InlineData(ModelTransport.Mmio, Reset, Packed)]
    public void Features_are_offered_and_withheld_as_the_shape_says(ModelTransport transport, ulong offering, ulong withholding)
    {
        using var target = QemuFixture.Open(new TargetShape { Offering = offering, Withholding = withholding }, transport);
        var offered = OfferedFeatures.Read(target);
        Assert.Equal(offering, offered & (offering | withholding));
        if (transport == ModelTransport.Mmio) return;
        Assert.Equal(0u, target.ConfigRead(QemuFixture.Iommu, 4, 2));
        Assert.Equal(0u, target.ConfigRead(QemuFixture.Iommu, 0x20, 4) & ~0xfu);
    }

    [SkippableFact]
    public void A_shape_that_QEMU_cannot_have_is_refused_with_a_reason()
    {
        QemuFixture.RequireQemu();
        using var source = new QemuTargetSource(null);
        Refused(new() { Withholding = Probe }, "cannot withhold feature bit 4");
        Refused(new() { Offering = 3ul << 61 }, "cannot offer feature bits 61, 62");
        Refused(new() { PageSizeMask = 0x10000 }, "page_size_mask");
        Refused(new() { InputRange = new(0, 0xffff) }, "input_range");
        Refused(new() { ReservedForSecondEndpoint = new(0x1000, 0x1fff) }, "reserves regions for all endpoints alike");

        void Refused(TargetShape shape, string reason)
        {
            Assert.Null(source.Open(shape, out var whyNot));
            Assert.Contains("'s virtio-iommu ", whyNot, StringComparison.Ordinal);
            Assert.Contains(reason, whyNot, StringComparison.Ordinal);
        }
    }

    [SkippableFact]
    public void Disposal_leaves_no_process_and_a_running_target_no_file()
    {
        var target = QemuFixture.Open();
        var process = target.ProcessId;
        Assert.True(QemuFixture.IsRunning(process));
        QemuFixture.AssertHasNoFileThatCouldBeLeft(process);
        target.Dispose();
        Assert.False(QemuFixture.IsRunning(process));
        target.Dispose();
        target.Kill();
    }

    [Theory]
    [InlineData("/bin/true")]
    [InlineData("/bin/cat")]
    [InlineData("/bin/false")]
    public void A_program_that_is_not_QEMU_is_unavailable(string program)
    {
        var message = Unavailable(program);
        Assert.Contains($"{program} is not QEMU", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_that_does_not_exist_or_cannot_be_run_is_unavailable()
    {
        Assert.Contains("--target qemu:PATH", Unavailable("/nowhere/qemu"), StringComparison.Ordinal);
        Assert.Contains("--target qemu:PATH", Unavailable("no-such-qemu"), StringComparison.Ordinal);
        Unavailable("/etc/passwd");
    }

    [Fact]
    public void A_program_that_claims_to_be_QEMU_and_ends_is_unavailable_with_its_last_words()
    {
        var folder = Directory.CreateTempSubdirectory("fake-qemu-");
        try
        {
            var message = Unavailable(QemuFixture.Script(folder.FullName, FakeQemu + "echo >&2 'no such machine'; exit 3\n"));
            Assert.Contains("exit code 3", message, StringComparison.Ordinal);
            Assert.EndsWith("no such machine", message, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_program_that_claims_to_be_QEMU_and_hangs_is_unavailable_and_leaves_nothing()
    {
        var folder = Directory.CreateTempSubdirectory("fake-qemu-");
        try
        {
            var script = FakeQemu + $"pwd >{folder.FullName}/cwd; echo $$ >{folder.FullName}/pid; sleep 600; exit 0\n";
            var message = Unavailable(QemuFixture.Script(folder.FullName, script), patience: TimeSpan.FromSeconds(8));
            Assert.Contains("did not connect within 8 s", message, StringComparison.Ordinal);
            Assert.False(QemuFixture.IsRunning(int.Parse(File.ReadAllText(Path.Combine(folder.FullName, "pid")))));
            var used = File.ReadAllText(Path.Combine(folder.FullName, "cwd")).Trim();
            Assert.Contains("viommu-", used, StringComparison.Ordinal);
            Assert.False(Directory.Exists(used), used);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // Answers the questions that come before a start as QEMU does.
    private const string FakeQemu = """
        #!/bin/sh
        case "$1" in
        --version) echo 'QEMU emulator version 99.1.2 (fake)'; exit 0;;
        -device) echo '  addr=<int32>'; exit 0;;
        esac

        """;

    private static string Unavailable(string program, TimeSpan? patience = null)
    {
        using var source = new QemuTargetSource(program) { Patience = patience ?? TimeSpan.FromMinutes(2) };
        var refusal = Assert.Throws<TargetUnavailableException>(() => source.Open(TargetShape.Default, out _));
        Assert.DoesNotContain('\n', refusal.Message);
        return refusal.Message;
    }
}
