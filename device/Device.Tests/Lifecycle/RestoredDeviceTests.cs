using FsCheck;
using FsCheck.Fluent;
using Viommu.Device.Tests.Support;

namespace Viommu.Device.Tests.Lifecycle;

/// <summary>A restored device is indistinguishable from the one that was saved, whatever happened before and happens after.</summary>
public class RestoredDeviceTests
{
    private static readonly Gen<(Step[] Before, Step[] After)> _run =
        from length in Gen.Choose(0, 80)
        from before in Step.Any.ArrayOf(length)
        from after in Step.Any.ArrayOf(40)
        select (before, after);

    [Theory]
    [InlineData("pci")]
    [InlineData("pci, in order")]
    [InlineData("pci, packed")]
    [InlineData("pci, packed, in order")]
    [InlineData("pci, no MSI-X")]
    [InlineData("pci, transitional")]
    [InlineData("pci, legacy")]
    [InlineData("mmio")]
    [InlineData("mmio, packed")]
    [InlineData("mmio, legacy")]
    public void Whatever_follows_shows_the_same(string kind)
    {
        int smallest = SavedMachine.Make(kind).Save().Length;
        int eventful = 0;
        Prop.ForAll(Arb.From(_run, Shrink), run =>
        {
            var original = new RandomDriver(SavedMachine.Make(kind), kind.Contains("packed", StringComparison.Ordinal));
            foreach (var step in run.Before) original.Take(step);
            var state = original.Machine.Save();
            // A domain with two mappings, or more.
            if (state.Length >= smallest + 17 + 25 + 25) eventful++;

            var restored = original.MoveTo(SavedMachine.Make(kind));
            Assert.True(restored.Machine.TryRestore(state, out var error), error.ToString());
            Assert.Equal(state, restored.Machine.Save());
            foreach (var step in run.After) Assert.Equal(original.Take(step), restored.Take(step));
            Assert.Equal(original.Machine.Save(), restored.Machine.Save());
            Assert.True(Bytes(original).SequenceEqual(Bytes(restored)), "guest memory differs");
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(100));
        // Runs in which nothing happens would prove nothing.
        Assert.True(eventful >= 5, $"{eventful} of 100 states had mappings");
    }

    private static byte[] Bytes(RandomDriver driver) => driver.Machine.Inner.Memory.Read(new(0), 0x20000);

    private static IEnumerable<(Step[] Before, Step[] After)> Shrink((Step[] Before, Step[] After) run)
    {
        for (int i = 0; i < run.Before.Length; i++) yield return ([.. run.Before[..i], .. run.Before[(i + 1)..]], run.After);
        for (int i = 0; i < run.After.Length; i++) yield return (run.Before, [.. run.After[..i], .. run.After[(i + 1)..]]);
    }
}
