using FsCheck;
using FsCheck.Fluent;
using Viommu.Device.Tests.Support;

namespace Viommu.Device.Tests.Transport;

/// <summary>Whatever a guest does to registers, in whatever order, the device stays one that a reset brings back.</summary>
public class AnyAccessTests
{
    private static readonly Gen<uint> _value = Gen.OneOf(
        Gen.Choose(0, 31).Select(bit => 1u << bit),
        Gen.Choose(0, 20).Select(small => (uint)small),
        Gen.Elements(uint.MaxValue, 0x1000u, 0x10000u, 0x8000_0000u));

    private static readonly Gen<int> _width = Gen.Frequency((8, Gen.Constant(4)), (2, Gen.Elements(1, 2)), (1, Gen.Elements(-1, 0, 3, 8, 16)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Mmio_registers_take_any_access(bool legacy)
    {
        var access = from offset in Gen.Frequency((6, Gen.Choose(0, 0x4a).Select(i => 4 * i)), (1, Gen.Choose(-8, 0x210)))
                     from width in _width
                     from value in _value
                     select (offset, width, value);
        Prop.ForAll(access.ListOf(200).ToArbitrary(), accesses =>
        {
            var machine = new MmioMachine(new() { Legacy = legacy });
            foreach (var (offset, width, value) in accesses)
            {
                machine.Mmio.Write(offset, width, value);
                machine.Mmio.Read(offset, width);
                Assert.Equal(machine[0x060] != 0, machine.Mmio.InterruptAsserted);
                Assert.Equal(0x7472_6976u, machine[0x000]);
                Assert.Equal(0u, machine.Status & (legacy ? 0x38u : 0x20u));
            }

            machine.Mmio.SystemReset();
            Assert.Equal(new MmioMachine(new() { Legacy = legacy }).Snapshot(), machine.Snapshot());
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(200));
    }

    [Fact]
    public void A_transitional_function_takes_any_access_to_either_interface()
    {
        var access = from legacy in Gen.Elements(true, false)
                     from offset in Gen.Choose(0, 63)
                     from width in _width
                     from value in _value
                     select (legacy, offset, width, value);
        Prop.ForAll(access.ListOf(200).ToArbitrary(), accesses =>
        {
            var machine = new LegacyPciMachine();
            var function = machine.Pci.Function;
            foreach (var (legacy, offset, width, value) in accesses)
            {
                ushort port = (ushort)(LegacyPciMachine.Port + offset);
                bool isThere = width >= 0 && offset + width <= 64;
                if (legacy) Assert.Equal(isThere, function.TryIoWrite(port, width, value) && function.TryIoRead(port, width, out _));
                else function.TryMmioWrite(Machine.Bar0 + (ulong)offset, width, value);
                Assert.Equal(machine.Pci.Status, machine.Status);
            }

            function.SystemReset();
            function.ConfigWrite(0x10, 4, LegacyPciMachine.Port);
            function.ConfigWrite(0x04, 2, 0x7);
            Assert.Equal(new LegacyPciMachine().Snapshot(), machine.Snapshot());
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(200));
    }
}
