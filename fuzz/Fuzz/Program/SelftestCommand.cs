using System.CommandLine;
using System.Globalization;
using System.Text;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine.Campaigns;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Program;

/// <summary>
/// <c>fuzz selftest</c>: lets campaigns loose on the broken devices of <c>conformance selftest</c>, without telling them where to look, and
/// says which they find, and how fast.
/// </summary>
internal sealed class SelftestCommand
{
    private readonly FuzzHost _host;
    private readonly Option<double> _time = new("--time") { Description = "Seconds for each device, target and seed.", HelpName = "SECONDS", DefaultValueFactory = _ => 60 };
    private readonly Option<int> _seeds = new("--seeds") { Description = "Campaigns for each device; the median counts.", HelpName = "N", DefaultValueFactory = _ => 5 };
    private readonly Option<string[]> _targets = new("--target") { Description = "Targets, in their order: the next one is tried where one finds nothing.", HelpName = "TARGET", Arity = ArgumentArity.OneOrMore, DefaultValueFactory = _ => ["sequence", "split-ring", "lifecycle", "transport-pci"] };
    private readonly Option<string?> _only = new("--only") { Description = "Only devices whose name contains this.", HelpName = "TEXT" };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "Write the table to FILE, as Markdown.", HelpName = "FILE" };

    public SelftestCommand(FuzzHost host)
    {
        _host = host;
        Command = new("selftest", "Proves that campaigns find what is broken: runs them on every broken device that there is.") { _time, _seeds, _targets, _only, _output };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var targets = (parsed.GetValue(_targets) ?? []).Select(Arguments.FindTarget).ToList();
        var time = TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(_time), 0.1, 1e6));
        int seeds = Math.Max(1, parsed.GetValue(_seeds));
        string only = parsed.GetValue(_only) ?? "";
        var table = new StringBuilder("| device | found by | median s | finding |\n|---|---|---|---|\n");
        int found = 0, tried = 0;
        for (int index = 0; index < BrokenDevices.All.Count && !_host.Interrupted.IsCancellationRequested; index++)
        {
            var device = BrokenDevices.All[index];
            if (!device.Name.Contains(only, StringComparison.OrdinalIgnoreCase)) continue;
            // Whoever stands between driver and registers is not in the device, and not met by campaigns that have no driver.
            if (!IsInsideDevice(device))
            {
                Tell(table, device.Name, "registers only: `conformance selftest`", "", "");
                continue;
            }

            tried++;
            if (TryAll(targets, index, seeds, time) is { } result)
            {
                found++;
                Tell(table, device.Name, result.Target, result.Seconds.ToString("0.0", CultureInfo.InvariantCulture), result.Key);
            }
            else
            {
                Tell(table, device.Name, "not found", "", "");
            }
        }

        string summary = string.Create(CultureInfo.InvariantCulture, $"{found} of {tried} broken devices found");
        _host.Console.Line(summary);
        table.Append(CultureInfo.InvariantCulture, $"\n{summary}: {seeds} seed{(seeds == 1 ? "" : "s")}, {time.TotalSeconds:0} s each at most.\n");
        if (parsed.GetValue(_output) is { } output && CorpusFolder.TryWrite(output, Encoding.UTF8.GetBytes(table.ToString())) is { } trouble) throw new CorpusException(trouble);
        return found == tried && tried > 0 ? ExitCode.AsExpected : ExitCode.Findings;
    }

    private (string Target, double Seconds, string Key)? TryAll(List<TargetInfo> targets, int device, int seeds, TimeSpan time)
    {
        foreach (var target in targets)
        {
            var times = new List<double>();
            string key = "";
            for (int seed = 1; seed <= seeds && !_host.Interrupted.IsCancellationRequested; seed++)
            {
                var campaign = Campaign(target, device, (ulong)seed, time);
                using var stop = _host.Interrupted.Register(campaign.Stop);
                campaign.Run();
                if (campaign.Findings.Count == 0) continue;
                times.Add(campaign.Elapsed.TotalSeconds);
                key = campaign.Findings[0].Finding.Key.ToString();
            }

            // A campaign that found nothing counts as one that took for ever.
            if (times.Count * 2 > seeds) return (target.Name, times.Order().ElementAt(seeds / 2), key);
        }

        return null;
    }

    private static Campaign Campaign(TargetInfo target, int device, ulong seed, TimeSpan time)
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

    private static bool IsInsideDevice(BrokenDevice device)
    {
        var bystander = new Hostile.HostileMachine(new());
        return ReferenceEquals(device.Variation.Machine(bystander), bystander);
    }

    private void Tell(StringBuilder table, string device, string target, string seconds, string key)
    {
        table.Append(CultureInfo.InvariantCulture, $"| {device} | {target} | {seconds} | {key.Replace("|", "\\|", StringComparison.Ordinal)} |\n");
        _host.Console.Line($"{device}: {target} {seconds} {key}".TrimEnd());
    }
}
