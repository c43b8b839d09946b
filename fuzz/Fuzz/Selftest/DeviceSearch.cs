using System.Diagnostics;
using Viommu.Fuzz.Engine.Campaigns;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Selftest;

/// <summary>What campaigns on one broken device came to with one seed.</summary>
/// <param name="Target">The target whose campaign found something; null where none did.</param>
/// <param name="Seconds">How long that took, with the start of all campaigns.</param>
/// <param name="Executions">Executions of that campaign until then, which do not depend on the machine.</param>
/// <param name="Key">Key of the finding.</param>
internal sealed record SearchResult(string? Target, double Seconds, long Executions, string Key);

/// <summary>
/// Campaigns on one broken device, on every target that can show anything of it, side by side: nobody tells them where to look, and the first
/// finding of any of them ends them all.
/// </summary>
internal sealed class DeviceSearch(IReadOnlyList<TargetInfo> targets, int device, ulong seed, TimeSpan time)
{
    // An input that does not come back is a finding as well, and holds up its campaign for ever. On a machine that has other things to do it
    // can be the start of the campaigns that takes so long.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public SearchResult Run(CancellationToken interrupted)
    {
        var campaigns = targets.Select(target => (target.Name, Campaign: NewCampaign(target))).ToList();
        using var stop = interrupted.Register(StopAll);
        var clock = Stopwatch.StartNew();
        var tasks = campaigns.Select(campaign => Task.Factory.StartNew(() => campaign.Campaign.Run(), TaskCreationOptions.LongRunning)).ToList();
        for (var running = tasks.ToList(); running.Count > 0;)
        {
            int ended = Task.WaitAny([.. running], TimeSpan.FromSeconds(1));
            if (ended < 0 && clock.Elapsed > time + Patience) return new(campaigns[tasks.IndexOf(running[0])].Name, clock.Elapsed.TotalSeconds, 0, "bounded-work|||hang");
            if (ended < 0) continue;
            running[ended].GetAwaiter().GetResult();
            running.RemoveAt(ended);
            StopAll();
        }

        var found = campaigns.Where(campaign => campaign.Campaign.Findings.Count > 0).OrderBy(campaign => campaign.Campaign.Elapsed).FirstOrDefault();
        return found.Campaign is null
            ? new(null, clock.Elapsed.TotalSeconds, campaigns.Sum(campaign => campaign.Campaign.Snapshot.Executions), "")
            : new(found.Name, found.Campaign.Elapsed.TotalSeconds, found.Campaign.Snapshot.Executions, found.Campaign.Findings[0].Finding.Key.ToString());

        void StopAll()
        {
            foreach (var (_, campaign) in campaigns) campaign.Stop();
        }
    }

    private Campaign NewCampaign(TargetInfo target)
    {
        var host = new TargetHost(target, device);
        return new(new CampaignOptions
        {
            Shape = target.Shape,
            NewExecutor = host.Instrumented,
            NewDictionary = host.NewDictionary,
            Seed = seed,
            Time = time,
            Seeds = [.. target.Seeds().Select(input => input.Input)],
        });
    }
}
