using System.Diagnostics;
using Viommu.Fuzz.Engine.Campaigns;
using Viommu.Fuzz.Targets;

var target = TargetList.Find(args[0]);
var host = new TargetHost(target, args.Length > 3 ? int.Parse(args[3], System.Globalization.CultureInfo.InvariantCulture) : -1);
var campaign = new Campaign(new CampaignOptions
{
    Shape = target.Shape, NewExecutor = host.Instrumented, NewDictionary = host.NewDictionary, Seed = 1,
    Jobs = int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture),
    Time = TimeSpan.FromSeconds(int.Parse(args[2], System.Globalization.CultureInfo.InvariantCulture)),
    Seeds = [.. target.Seeds().Select(seed => seed.Input)], KeepGoing = true,
});
long last = 0;
var cpu = TimeSpan.Zero;
campaign.Run(c =>
{
    var s = c.Snapshot;
    var now = Process.GetCurrentProcess().TotalProcessorTime;
    Console.WriteLine($"{c.Elapsed.TotalSeconds:0.0}s execs {s.Executions} ({s.Executions - last}; per cpu-second {(s.Executions - last) / (now - cpu).TotalSeconds:0}) corpus {s.Corpus} edges {s.Edges} states {s.States} findings {s.Findings}");
    last = s.Executions;
    cpu = now;
});
foreach (var f in campaign.Findings) Console.WriteLine($"{f.Finding.Key}\n   {f.Finding.Message}\n{f.Finding.Details}\n   {Convert.ToHexString(f.Input)}");
