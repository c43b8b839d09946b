using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Minimization;
using Viommu.Fuzz.Engine.Mutation;

namespace Viommu.Fuzz.Engine.Findings;

/// <summary>Looks at a finding once more before it is kept: makes its input small, and has it tell its story.</summary>
/// <param name="run">Runs an input and says what it breaks.</param>
/// <param name="observations">What the executor behind <paramref name="run"/> tells its stories through.</param>
/// <param name="shape">Layout of the inputs.</param>
/// <param name="minimizes">False where the input is to stay as it was found.</param>
internal sealed class CloseUp(Func<byte[], Finding?> run, Observations observations, InputShape shape, bool minimizes)
{
    // Enough for the longest programs. The time is for findings that are slow to show, as those of running out of fuel.
    private const int MaximumExecutions = 20_000;

    private static readonly TimeSpan _maximumTime = TimeSpan.FromSeconds(5);

    /// <summary>The finding with its story, and with a smaller input where there is one; as it was where it does not show again.</summary>
    public Finding Of(Finding finding, byte[] input)
    {
        byte[] smallest = minimizes
            ? new Minimizer(run, shape, finding.Key) { MaximumExecutions = MaximumExecutions, MaximumTime = _maximumTime }.Minimize(input)
            : input;
        observations.Story = new();
        var told = run(smallest);
        var story = observations.Story;
        observations.Story = null;
        if (told?.Key != finding.Key) return finding;
        bool isSmaller = !smallest.AsSpan().SequenceEqual(input);
        return told with { Input = isSmaller ? smallest : null, Original = isSmaller ? input : null, Story = story };
    }
}
