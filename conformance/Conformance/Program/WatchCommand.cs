using System.CommandLine;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Scripts;
using Viommu.Conformance.Watching.Guests;
using Viommu.Conformance.Watching.Selftest;
using Viommu.Conformance.Watching.Traces;
using Viommu.Conformance.Watching.Workload;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Program;

/// <summary><c>conformance watch</c>: judges a driver by watching what it does.</summary>
internal sealed class WatchCommand
{
    private readonly CliHost host;
    private readonly WatchOptions options;

    private readonly Argument<string[]> files = new("FILE")
    {
        Description = "Recorded traces to judge, gzip or not: byte-exact JSON records, or virtio_iommu_* trace events of QEMU. Without any, the suite's own driver is watched.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string> target = new("--target")
    {
        Description = "What is driven by the suite's own driver: as for run, such as model,transport=mmio,ring=packed; or by --guest: model, or model,ring=packed.",
        HelpName = "TARGET",
        DefaultValueFactory = _ => "model",
    };

    private readonly Option<string?> broken = new("--broken")
    {
        Description = "Watch a driver that breaks a rule instead, by its name or a part of it; selftest lists them.",
        HelpName = "NAME",
    };

    private readonly Option<string?> export = new("--export")
    {
        Description = "Write into DIR, for each trace, a script of what its guest asked of the device: 'replay' asks the same of any target.",
        HelpName = "DIR",
    };

    private readonly Option<string?> guest = new("--guest")
    {
        Description = "Boot the Linux in DIR (vmlinuz and initrd.gz, which conformance/guests/linux.sh makes) on the reference device, and judge its driver.",
        HelpName = "DIR",
    };

    private readonly Option<string> qemu = GuestOptions.Qemu();

    private readonly Option<string> steps = new("--do")
    {
        Description = "What the guest does once it has booted, in this order: read, write, rebind:N, identity, stir:N (conformance/guests/init says what they are).",
        HelpName = "STEPS",
        DefaultValueFactory = _ => "read,write,rebind:3,identity",
    };

    private readonly Option<string> append = GuestOptions.Append();

    private readonly Option<int> limit = new("--limit")
    {
        Description = "Seconds that the guest has for all of it.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 300,
    };

    public WatchCommand(CliHost host)
    {
        this.host = host;
        options = new WatchOptions(host);
        Command = new("watch", "Judges a guest driver by watching what it does: in recorded traces, in a Linux that is booted for it, or the suite's own.")
        {
            files, target, broken, export, guest, qemu, steps, append, limit,
        };
        options.AddTo(Command);
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var worse = parsed.GetValue(broken) is { } name ? Find(name) : null;
        var watch = options.Begin(parsed);
        var traces = parsed.GetRequiredValue(files);
        if (parsed.GetValue(guest) is { } linux) return WatchGuest(watch, parsed, linux);
        if (((Option[])[qemu, steps, append, limit]).FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } stray)
            throw new UsageException($"{stray.Name} is for --guest");
        if (traces.Length == 0 && parsed.GetValue(export) is not null) throw new UsageException("--export takes the traces to make scripts of");
        if (traces.Length == 0) return WatchLive(watch, parsed.GetRequiredValue(target), worse);
        if (parsed.GetResult(target) is { Implicit: false } || worse is not null) throw new UsageException("--target and --broken are for a driver that runs, not for traces");
        foreach (var trace in traces)
        {
            host.Interrupted.ThrowIfCancellationRequested();
            var script = new TraceScript(Path.GetFileName(trace));
            TraceFile.Replay(trace, seen =>
            {
                watch.Watcher.See(seen);
                script.See(seen);
            });
            if (parsed.GetValue(export) is { } folder) Write(Path.Combine(folder, TraceFile.NameOf(trace) + Script.Extension), script.Script);
        }
        return watch.End(new TargetIdentity("trace", traces is [var only] ? Path.GetFileName(only) : $"{traces.Length} files"), "trace");
    }

    private int WatchGuest(WatchedRun watch, ParseResult parsed, string folder)
    {
        if (parsed.GetRequiredValue(files).Length > 0 || parsed.GetValue(broken) is not null || parsed.GetValue(export) is not null)
            throw new UsageException("--guest is watched by itself: without traces, --broken and --export");
        var configuration = TargetSources.ParseModel(parsed.GetRequiredValue(target), "watch --guest --target");
        if (configuration.Transport != ModelTransport.Pci) throw new UsageException("--guest drives a PCI function: --target model or model,ring=packed");
        int seconds = parsed.GetRequiredValue(limit);
        if (seconds < GuestOptions.ShortestLimit) throw new UsageException($"--limit {seconds}: no guest boots within less than {GuestOptions.ShortestLimit} seconds on every machine");
        var orders = new GuestOrders(parsed.GetRequiredValue(qemu), folder, parsed.GetRequiredValue(steps), parsed.GetRequiredValue(append), TimeSpan.FromSeconds(seconds));
        if (orders.UnknownStep is { } unknown) throw new UsageException($"--do: '{unknown}' is no step; there are read, write, rebind:N, stir:N and identity, with commas between them");
        var judge = new GuestWatch(orders);
        var course = new GuestBoot(orders, configuration, variation: null, watch.Watcher).Run(judge.Disk, line => host.Console.Line($"guest: {line}"), host.Interrupted);
        var code = watch.End(new TargetIdentity("linux", course.Kernel, configuration.ToString()), "linux", judge.Judge(course));
        ReportFolder.Save(Path.Combine(watch.Folder("linux"), "console.txt"), string.Join('\n', course.Console));
        return code;
    }

    private void Write(string path, Script script)
    {
        ReportFolder.Save(path, ScriptPrinter.Print(script));
        host.Console.Line($"script: {path}");
    }

    private int WatchLive(WatchedRun watch, string spec, BrokenDriver? worse)
    {
        using var source = host.ParseTarget(spec);
        var workout = new Workout(watch.Watcher, scenario => SourceFor(scenario, source, worse), worse);
        foreach (var scenario in worse?.Scenarios ?? Scenarios.All)
        {
            host.Interrupted.ThrowIfCancellationRequested();
            workout.TryPlay(scenario);
        }
        if (workout.Problems is [var problem, ..]) throw new TargetUnavailableException($"the device does not do what the driver needs: {problem}");
        return watch.End(workout.Target ?? throw new TargetUnavailableException("there is no device to drive"), worse is null ? source.Name : "broken");
    }

    /// <summary>A source of the scenario's own: a misbehaving device, and the one that a broken driver shows itself on, are the model's.</summary>
    private static ITargetSource? SourceFor(Scenario scenario, ITargetSource chosen, BrokenDriver? worse)
    {
        if (worse is not null) return DriverConviction.Source(scenario, worse.Configuration);
        if (chosen is ModelTargetSource model) return DriverConviction.Source(scenario, model.Configuration);
        return scenario.Misbehaviour is null ? new Borrowed(chosen) : null;
    }

    private static BrokenDriver Find(string name)
    {
        var found = BrokenDrivers.All.Where(driver => driver.Name.Contains(name, StringComparison.OrdinalIgnoreCase)).ToList();
        return found switch
        {
            [var one] => one,
            [] => throw new UsageException($"--broken: no broken driver is called '{name}'; 'conformance selftest' lists them"),
            _ => found.Find(driver => driver.Name == name) ?? throw new UsageException($"--broken: '{name}' names {found.Count} drivers: {string.Join("; ", found)}"),
        };
    }

    /// <summary>A source that outlives those who dispose of it.</summary>
    private sealed class Borrowed(ITargetSource source) : ITargetSource
    {
        public string Name => source.Name;

        public ulong AlsoAccept => source.AlsoAccept;

        public ITarget? Open(TargetShape shape, out string? whyNot) => source.Open(shape, out whyNot);

        public void Dispose()
        {
        }
    }
}
