using Viommu.Conformance.Selftest;
using Viommu.Fuzz.Devices;
using Viommu.Fuzz.Engine.Campaigns;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Targets.Served;
using Viommu.Guest.Tests.Support;

namespace Viommu.Fuzz.Tests.Devices.Served;

/// <summary>The reference device, or what has been put around it, behind the line protocol in this process.</summary>
internal sealed class ServedDevice
{
    private int _starts;

    /// <summary>What is put in place of the reference device's own parts; null for nothing.</summary>
    public ModelVariation? Variation { get; init; }

    /// <summary>Its transport and ring.</summary>
    public ModelConfiguration Configuration { get; init; } = new();

    /// <summary>What it is sent, in place of a command.</summary>
    public Func<string, string> Hears { get; init; } = command => command;

    /// <summary>What it says, in place of an answer.</summary>
    public Func<string, string> Says { get; init; } = answer => answer;

    /// <summary>How long it may take; else what a machine under load may take away from a thread.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Devices that were started.</summary>
    public int Starts => Volatile.Read(ref _starts);

    /// <summary>One that handles requests in another way.</summary>
    public static ModelVariation Handling(RequestHandler handler) => BrokenDevice.Requests("handles requests in its own way", [], handler).Variation;

    /// <summary>Whose inputs it runs.</summary>
    public TargetInfo Target { get; init; } = SequenceTarget.Info;

    /// <summary>As what is fuzzed.</summary>
    public OutsideDevice Open() => OutsideDevice.Of(Source(), Target);

    /// <summary>Runs a campaign on it, and returns the keys of what is found, with what is told in the end.</summary>
    public (List<string> Keys, string Told) Fuzz(int runs, ulong seed = 1)
    {
        using var device = Open();
        var campaign = new Campaign(new CampaignOptions
        {
            Shape = Target.Shape,
            NewExecutor = () => device.NewScout(minimizes: true),
            NewDictionary = () => new TargetHost(Target, brokenDevice: -1).NewDictionary(),
            Seed = seed,
            Runs = runs,
            KeepGoing = true,
            Seeds = [.. Target.Seeds().Select(input => input.Input)],
        });
        campaign.Run();
        Assert.Equal(runs, campaign.Snapshot.Executions);
        // A ring that is wrong from its first element on ends every program there.
        int fewest = Target.Name == SequenceTarget.Info.Name ? 50 : 5;
        Assert.True(campaign.Snapshot.States > fewest, $"{campaign.Snapshot.States} states are too few for a device that is driven");
        return ([.. campaign.Findings.Select(found => found.Finding.Key.ToString())], string.Join('\n', device.DescribePassedOver()));
    }

    private ServedTargetSource Source() => new(Start, Configuration.Ring == ModelRing.Packed) { Deadline = Deadline, Patience = TimeSpan.FromMinutes(2) };

    private LocalPeer Start()
    {
        Interlocked.Increment(ref _starts);
        var server = new TargetServer(file => new ModelTargetSource(Variation, Configuration) { Memory = file });
        return LocalPeer.Answering(command => Says(server.Answer(Hears(command))), server);
    }
}
