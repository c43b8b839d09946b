using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Mutation;

namespace Viommu.Fuzz.Engine.Campaigns;

/// <summary>What a campaign is to do.</summary>
public sealed record CampaignOptions
{
    /// <summary>Layout of the inputs.</summary>
    public required InputShape Shape { get; init; }

    /// <summary>Makes an executor; called once for each job, on that job's thread.</summary>
    public required Func<IExecutor> NewExecutor { get; init; }

    /// <summary>Values and byte strings worth trying.</summary>
    public required Func<ValueDictionary> NewDictionary { get; init; }

    /// <summary>Everything random follows from it.</summary>
    public ulong Seed { get; init; }

    /// <summary>Threads that work side by side.</summary>
    public int Jobs { get; init; } = 1;

    /// <summary>Executions after which the campaign ends.</summary>
    public long Runs { get; init; } = long.MaxValue;

    /// <summary>How long it takes at most.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.MaxValue;

    /// <summary>Goes on after a finding; one finding of each key is kept.</summary>
    public bool KeepGoing { get; init; }

    /// <summary>Findings that are known do not end a campaign that otherwise ends with the first.</summary>
    public Func<FindingKey, bool> IsKnown { get; init; } = _ => false;

    /// <summary>Makes the input of a finding small before it is kept.</summary>
    public bool Minimize { get; init; }

    /// <summary>Folder in which each job keeps note of the input that it is running; null where none is to.</summary>
    public string? InFlightFolder { get; init; }

    /// <summary>Inputs to start with.</summary>
    public IReadOnlyList<byte[]> Seeds { get; init; } = [];
}
