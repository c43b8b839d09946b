using Viommu.Conformance.Program;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Tests.Program;

public sealed class TargetSourcesTests
{
    [Theory]
    [InlineData("model", "model", "pci, split")]
    [InlineData("model,ring=split", "model", "pci, split")]
    [InlineData("model,transport=pci,ring=packed", "model-pci-packed", "pci, packed")]
    [InlineData("model,ring=packed,transport=mmio", "model-mmio-packed", "mmio, packed")]
    [InlineData("model,transport=mmio-legacy", "model-mmio-legacy-split", "mmio-legacy, split")]
    [InlineData("model,ring=split,transport=pci-transitional", "model-pci-transitional-split", "pci-transitional, split")]
    public void The_model_takes_its_transport_and_ring_in_any_order(string spec, string name, string configuration)
    {
        using var source = TargetSources.Parse(spec);
        using var target = source.Open(TargetShape.Default, out _)!;
        Assert.Equal(name, source.Name);
        Assert.Equal(configuration, target.Identity.Configuration);
        Assert.EndsWith($"({configuration})", target.Identity.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model,transport=mmio-legacy,ring=packed", "mmio-legacy has no packed rings")]
    [InlineData("model,ring=packed,transport=pci-transitional", "pci-transitional has no packed rings")]
    [InlineData("model,transport=usb", "transport=usb is unknown; there are pci, mmio, mmio-legacy, pci-transitional")]
    [InlineData("model,ring=", "ring= is unknown; there are split, packed")]
    [InlineData("model,ring", "ring= is unknown")]
    [InlineData("model,ring=split,ring=packed", "takes ring=... once")]
    [InlineData("model,speed=9", "not 'speed=9'")]
    [InlineData("model,", "takes transport=... and ring=...")]
    [InlineData("qemu,ring=round", "ring=round is unknown; there are split, packed")]
    [InlineData("qemu,transport=mmio-legacy", "--target qemu takes transport=pci or mmio")]
    [InlineData("qemu:/opt/qemu,transport=pci-transitional", "--target qemu takes transport=pci or mmio")]
    [InlineData("qemu,transport=usb", "transport=usb is unknown")]
    [InlineData("qemu,ring=split,transport=pci,ring=packed", "--target qemu takes ring=... once")]
    [InlineData("qemu,speed=9", "unknown target 'qemu,speed=9'")]
    [InlineData("exec", "'exec' it names no program")]
    [InlineData("exec:", "'exec:' it names no program")]
    [InlineData("exec: 'vmm", "a ' does not end")]
    [InlineData("exec,ring=round:vmm", "ring=round is unknown; there are split, packed")]
    [InlineData("exec,ring=split,ring=packed:vmm", "--target exec takes ring=... once")]
    [InlineData("exec,transport=pci:vmm", "takes ring=... before the colon, not 'transport=pci'")]
    [InlineData("execute:vmm", "unknown target 'execute:vmm'")]
    [InlineData("modelling", "unknown target 'modelling'")]
    public void What_cannot_be_is_one_clear_complaint(string spec, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<UsageException>(() => TargetSources.Parse(spec)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("qemu", "qemu", 0)]
    [InlineData("qemu,ring=split", "qemu", 0)]
    [InlineData("qemu,ring=packed", "qemu-packed", 1ul << 34)]
    [InlineData("qemu:/opt/a,b/qemu", "qemu", 0)]
    [InlineData("qemu:/opt/a,b/qemu,ring=packed", "qemu-packed", 1ul << 34)]
    [InlineData("qemu,transport=mmio", "qemu-mmio", 0)]
    [InlineData("qemu:/opt/a,b/qemu,ring=packed,transport=mmio", "qemu-mmio-packed", 1ul << 34)]
    public void QEMU_takes_transport_and_ring_behind_its_path(string spec, string name, ulong accepted)
    {
        using var source = TargetSources.Parse(spec);
        Assert.Equal(name, source.Name);
        Assert.Equal(accepted, source.AlsoAccept);
    }

    [Theory]
    [InlineData("exec:./vmm,ring=packed --iommu=a:b", "exec", 0)]
    [InlineData("exec,ring=split:vmm", "exec", 0)]
    [InlineData("exec,ring=packed:vmm", "exec-packed", 1ul << 34)]
    public void A_program_takes_the_ring_before_its_command_which_is_taken_as_it_is(string spec, string name, ulong accepted)
    {
        using var source = TargetSources.Parse(spec);
        Assert.Equal(name, source.Name);
        Assert.Equal(accepted, source.AlsoAccept);
    }

    [Fact]
    public void The_matrix_has_every_legal_combination_and_each_can_be_parsed()
    {
        Assert.Equal(
            ["pci-split", "pci-packed", "mmio-split", "mmio-packed", "mmio-legacy-split", "pci-transitional-split"],
            TargetSources.Matrix("model").Select(combination => combination.Name));
        foreach (var (_, spec) in TargetSources.Matrix("model")) TargetSources.Parse(spec).Dispose();
        Assert.Throws<UsageException>(() => TargetSources.Matrix("qemu"));
        Assert.Throws<UsageException>(() => TargetSources.Matrix("model,ring=packed"));
    }
}
