using System.Collections.Concurrent;
using System.Diagnostics;
using Viommu.Fuzz.Engine.Campaigns;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Instrumentation;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Selftest;

/// <summary>What campaigns on one broken device came to with one seed.</summary>
/// <param name="Target">The target whose campaign found something; null where none did.</param>
/// <param name="Seconds">How long that took on processors that had nothing else to do.</param>
/// <param name="Executions">Executions of that campaign until then.</param>
/// <param name="Key">Key of the finding.</param>
internal sealed record SearchResult(string? Target, double Seconds, long Executions, string Key);

/// <summary>
/// Campaigns on broken devices, on every target that can show anything of one, side by side: nobody tells them where to look, and the first
/// finding of any of them ends them all.
/// </summary>
/// <remarks>
/// What counts is the time that the process has had of its processors, shared by as many as the campaigns can keep busy: it is the same on a
/// machine that does other things as well.
/// </remarks>
internal sealed class DeviceSearch(TimeSpan time)
{
    // An input that does not come back is a finding as well, and holds up its campaign for ever; waiting takes no time of a processor.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Dictionary<string, ConcurrentDictionary<ProbeKind, InstrumentedContext>> _contexts = [];
    private readonly ConcurrentDictionary<string, int> _threads = new();
    private readonly ProcessorTime _processors = new();

    public SearchResult Run(IReadOnlyList<TargetInfo> targets, int device, ulong seed, CancellationToken interrupted)
    {
        var campaigns = targets.Select(target => (target.Name, Campaign: NewCampaign(target, device, seed))).ToList();
        using var stop = interrupted.Register(StopAll);
        var before = _processors.Now;
        var clock = Stopwatch.StartNew();
        var ending = TimeSpan.MaxValue;
        var tasks = campaigns.Select(campaign => Task.Factory.StartNew(() => campaign.Campaign.Run(), TaskCreationOptions.LongRunning)).ToList();
        for (var running = tasks.ToList(); running.Count > 0;)
        {
            int ended = Task.WaitAny([.. running], TimeSpan.FromMilliseconds(100));
            if (ended >= 0)
            {
                running[ended].GetAwaiter().GetResult();
                running.RemoveAt(ended);
            }

            if (ended >= 0 || Spent() >= time.TotalSeconds || clock.Elapsed > time + Patience)
            {
                StopAll();
                if (ending == TimeSpan.MaxValue) ending = clock.Elapsed;
            }

            if (running.Count > 0 && clock.Elapsed - ending > Patience)
            {
                double spent = Spent();
                string[] hanging = [.. running.Select(task => campaigns[tasks.IndexOf(task)].Name)];
                GiveUp(hanging);
                return new(hanging[0], spent, 0, FindingKey.Hang.ToString());
            }
        }

        var found = campaigns.Where(campaign => campaign.Campaign.Findings.Count > 0).OrderBy(campaign => campaign.Campaign.Elapsed).FirstOrDefault();
        if (found.Campaign is null) return new(null, Spent(), campaigns.Sum(campaign => campaign.Campaign.Snapshot.Executions), "");
        var key = found.Campaign.Findings[0].Finding.Key;
        // Where a broken device trips over its own feet, nothing is said of what it breaks.
        return new(key.Rule == FindingKey.UnexpectedException ? null : found.Name, Spent(), found.Campaign.Snapshot.Executions, key.ToString());

        double Spent() => (_processors.Now - before).TotalSeconds / Math.Min(campaigns.Count, Environment.ProcessorCount);

        void StopAll()
        {
            foreach (var (_, campaign) in campaigns) campaign.Stop();
        }
    }

    // Their threads go on, and nobody is to use what they use.
    private void GiveUp(IEnumerable<string> hanging)
    {
        foreach (string target in hanging)
        {
            if (_threads.TryGetValue(target, out int thread)) _processors.GiveUp(thread);
        }

        _contexts.Clear();
    }

    private Campaign NewCampaign(TargetInfo target, int device, ulong seed)
    {
        var host = new TargetHost(target, device);
        if (!_contexts.TryGetValue(target.Name, out var pool)) _contexts[target.Name] = pool = new();
        return new(new CampaignOptions
        {
            Shape = target.Shape,
            NewExecutor = () =>
            {
                if (ProcessorTime.ThisThread is { } thread) _threads[target.Name] = thread;
                return host.Instrumented(pool);
            },
            NewDictionary = () => host.NewDictionary(),
            Seed = seed,
            Seeds = [.. target.Seeds().Select(input => input.Input)],
        });
    }
}
