using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;
using Viommu.Conformance.Certifying;
using Viommu.Conformance.Expectations;
using Viommu.Conformance.Exploration;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Program;

/// <summary><c>conformance run</c>: runs checks on a target and writes the reports.</summary>
internal sealed class RunCommand
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(7);

    private readonly CliHost host;
    private readonly SelectionOptions selection = new(isReported: true);
    private readonly SpecOption spec = new();
    private readonly ExecutionOptions execution = new();
    private readonly OutputOptions output = new();

    private readonly Option<string> target = new("--target")
    {
        Description = "What to judge: model (the reference device in this process), qemu (qemu-system-x86_64 from PATH), qemu:PATH, or exec:COMMAND (a program that "
            + "serves any other device on its standard input and output, line by line: conformance/Guest/Targets/Served/README.md). The model takes "
            + "transport=pci|mmio|mmio-legacy|pci-transitional and ring=split|packed: model,transport=mmio,ring=packed. "
            + "So do the others take the ring, and QEMU transport=pci|mmio: qemu,transport=mmio,ring=packed and exec,ring=packed:COMMAND.",
        HelpName = "TARGET",
        DefaultValueFactory = _ => "model",
    };

    private readonly Option<bool> matrix = new("--matrix")
    {
        Description = "Judge every combination of the model's transports and rings, one after the other; each has its own report in a folder of DIR.",
    };

    private readonly Option<bool> strict = new("--strict") { Description = "A broken SHOULD (WARN) fails the run too." };

    private readonly Option<bool> strictOnSecurity = new("--strict-security")
    {
        Description = "A broken SHOULD that isolation hangs on fails the run too; 'conformance clauses' marks them (security).",
    };

    private readonly Option<string?> expect = new("--expect")
    {
        Description = "YAML file of known deviations: foretold failures are XFAIL, and an entry that no longer holds is red.",
        HelpName = "FILE",
    };

    private readonly Option<string?> update = new("--update-expectations")
    {
        Description = "Write FILE so that it foretells this run; what still holds in it stays. It is read as --expect where that is not given.",
        HelpName = "FILE",
    };

    private readonly Option<string?> report = new("--report")
    {
        Description = "Folder for index.html, results.json, results.sarif, junit.xml and summary.md. [default: reports/<target>, or reports/matrix]",
        HelpName = "DIR",
    };

    private readonly Option<string?> bundle = new("--bundle")
    {
        Description = "Pack the reports, the expectations and their hashes into FILE, to hand in; 'conformance verify FILE' checks it offline.",
        HelpName = "FILE.zip",
    };

    private readonly Option<ulong> seed = new("--seed")
    {
        Description = "Where every random choice of the checks comes from; decimal, or hexadecimal with 0x.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
        CustomParser = result => ParseSeed(result.Tokens[^1].Value) ?? Refuse(result, "--seed takes a number from 0 to 2^64-1"),
    };

    private readonly Option<double> timeout = new("--timeout")
    {
        Description = "Seconds that one check may take; more is TIMEOUT.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 60,
    };

    private readonly Option<double?> budget = new("--budget")
    {
        Description = "Seconds after which no further check begins; the rest is MISSING.",
        HelpName = "SECONDS",
    };

    private readonly Option<int?> random = new("--random")
    {
        Description = "Instead of the checks, N sequences of random requests, DMA and resets, held against everything that the chapter allows.",
        HelpName = "N",
        CustomParser = result => Count(result, "--random"),
    };

    private readonly Option<int> length = new("--length")
    {
        Description = "Operations in each of the sequences of --random.",
        HelpName = "L",
        DefaultValueFactory = _ => 200,
        CustomParser = result => Count(result, "--length"),
    };

    private readonly Option<bool> list = new("--list") { Description = "Print what would run, and stop." };

    private readonly Option<bool> verbose = new("--verbose", "-v") { Description = "Tell on standard error what the harness does." };

    public RunCommand(CliHost host)
    {
        this.host = host;
        Command = new("run", "Runs the checks on a target, prints what it finds, and writes the reports.") { target };
        selection.AddTo(Command);
        spec.AddTo(Command);
        Option[] own = [matrix, strict, strictOnSecurity, expect, update, report, bundle, seed, timeout, budget, random, length];
        foreach (var option in own) Command.Add(option);
        execution.AddTo(Command);
        output.AddTo(Command);
        Command.Add(list);
        Command.Add(verbose);
        timeout.Validators.Add(result => Bound(result.ValueOrNone<double>(), "--timeout", result.AddError));
        budget.Validators.Add(result =>
        {
            if (result.ValueOrNone<double?>() is { } seconds) Bound(seconds, "--budget", result.AddError);
        });
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var plan = execution.Deal(parsed, selection.Read(parsed).Plan(host.Checks, host.Catalogue, spec.Read(parsed)));
        if (plan.All(p => p.LeftOut is not null))
        {
            host.Error.WriteLine("conformance: no check is selected; 'conformance list' shows the ids that --only and --skip are held against");
            return ExitCode.Harness;
        }
        if (parsed.GetValue(list)) return ListCommand.Print(host.Console, plan);

        var expectations = ReadExpectations(parsed);
        var updating = parsed.GetValue(update);
        if (updating is not null && Path.GetDirectoryName(Path.GetFullPath(updating)) is { } folder && !Directory.Exists(folder))
            throw new UsageException($"--update-expectations: there is no folder {folder}");

        using var stream = output.Open(parsed, host);
        var console = output.StreamsToConsole(parsed) ? Silence() : host.Console;
        var judged = new Judged(parsed, plan, expectations, console, stream);
        if (parsed.GetValue(matrix)) return RunMatrix(judged);

        using var source = host.ParseTarget(parsed.GetRequiredValue(target));
        var reports = parsed.GetValue(report) ?? Path.Combine("reports", source.Name);
        var final = Judge(judged, source, reports, findingsOnly: false);
        ConsoleSummary.Print(console, final);
        console.Line($"reports: {RunReports.In(reports)}");
        if (parsed.GetValue(bundle) is { } path)
        {
            Bundle.Write(path, final, RunReports.Of(host, final.Spec), FileOfExpectations(parsed), host.Clock.GetUtcNow());
            console.Line($"bundle: {path}");
        }
        if (updating is not null) WriteExpectations(judged, updating, final);
        output.Annotate(parsed, host, final);
        console.Line(ConsoleSummary.Closing(final));
        return final.ExitCode;
    }

    private int RunMatrix(Judged judged)
    {
        if (judged.Parsed.GetValue(update) is not null) throw new UsageException("--update-expectations takes one run; use it with one transport and ring at a time");
        if (judged.Parsed.GetValue(bundle) is not null) throw new UsageException("--bundle takes one run; use it with one transport and ring at a time");
        var combinations = TargetSources.Matrix(judged.Parsed.GetRequiredValue(target));
        var folder = judged.Parsed.GetValue(report) ?? Path.Combine("reports", "matrix");
        var runs = new List<(string, RunSnapshot)>();
        var trace = host.Trace(spec.Read(judged.Parsed));
        foreach (var (name, spec) in combinations)
        {
            using var source = host.ParseTarget(spec);
            runs.Add((name, Judge(judged, source, Path.Combine(folder, name), findingsOnly: true)));
            output.Annotate(judged.Parsed, host, runs[^1].Item2);
            judged.Console.Line($"{name}: {ConsoleSummary.Closing(runs[^1].Item2)}");
            judged.Console.Line("");
            MatrixReport.Write(folder, new MatrixSnapshot([.. runs]), trace);
        }
        var final = new MatrixSnapshot(runs);
        ConsoleMatrix.Print(judged.Console, final);
        judged.Console.Line($"reports: {Path.Combine(folder, "index.html")}, summary.md, and a folder for each combination");
        return final.ExitCode;
    }

    private RunSnapshot Judge(Judged judged, ITargetSource source, string folder, bool findingsOnly)
    {
        var parsed = judged.Parsed;
        var catalogue = host.Catalogue.At(spec.Read(parsed));
        var reports = new ReportFolder(folder, RunReports.Of(host, spec.Read(parsed)), host.Clock);
        bool isVerbose = parsed.GetValue(verbose);
        using ILoggerFactory logging = isVerbose ? ConsoleLogging() : NullLoggerFactory.Instance;
        var options = execution.Complete(parsed, new RunOptions(parsed.GetValue(seed), parsed.GetValue(strict), parsed.GetValue(budget) is { } s ? TimeSpan.FromSeconds(s) : null)
        {
            Spec = spec.Read(parsed),
            StrictOnSecurity = parsed.GetValue(strictOnSecurity),
        });
        var clauses = new ClauseVerdicts(catalogue, host.NotTested, spec: options.Spec);
        var runner = new Runner(judged.Plan, judged.Expectations, clauses, options, host.Clock, logging.CreateLogger("run"));

        if (parsed.GetValue(random) is { } sequences) return Explore(judged, source, sequences, options, clauses, reports, findingsOnly);
        bool isTraced = execution.IsTraced(parsed);
        using var first = host.OpenSession(source, new(TimeSpan.FromSeconds(parsed.GetValue(timeout)), options.Seed) { Trace = isTraced });
        var sessions = new List<ICheckSession> { first };
        try
        {
            while (sessions.Count < execution.Jobs(parsed)) sessions.Add(first.Another());
            return isVerbose ? Execute(_ => { }) : judged.Console.WithProgress(Execute);
        }
        finally
        {
            foreach (var other in sessions.Skip(1)) other.Dispose();
        }

        RunSnapshot Execute(Action<string> progress)
        {
            List<IRunObserver> observers = [new ConsoleObserver(judged.Console, catalogue, progress, findingsOnly, isTraced), reports];
            if (judged.Stream is not null) observers.Add(judged.Stream);
            return runner.Run(sessions, observers, host.Interrupted);
        }
    }

    private RunSnapshot Explore(
        Judged judged, ITargetSource source, int sequences, RunOptions options, ClauseVerdicts clauses, ReportFolder reports, bool findingsOnly)
    {
        var exploration = new ExplorationOptions(options.Seed, sequences, judged.Parsed.GetValue(length), TimeSpan.FromSeconds(judged.Parsed.GetValue(timeout)), options.Budget);
        var catalogue = host.Catalogue.At(options.Spec);
        using var explorer = new Explorer(source, exploration, host.Clock);
        var run = new ExplorationRun(explorer, exploration, options, [.. judged.Plan.Select(planned => planned.Check)], judged.Expectations, clauses, catalogue, reports.Folder);
        return judged.Console.WithProgress(progress =>
        {
            List<IRunObserver> observers = [new ConsoleObserver(judged.Console, catalogue, progress, findingsOnly), reports];
            if (judged.Stream is not null) observers.Add(judged.Stream);
            return run.Run(observers, progress, host.Interrupted);
        });
    }

    private ExpectationSet ReadExpectations(ParseResult parsed) => FileOfExpectations(parsed) is { } file
        ? new(ExpectationFile.Load(file), DateOnly.FromDateTime(host.Clock.GetUtcNow().UtcDateTime)) : ExpectationSet.None;

    private string? FileOfExpectations(ParseResult parsed) =>
        parsed.GetValue(expect) ?? (parsed.GetValue(update) is { } updated && File.Exists(updated) ? updated : null);

    private static void WriteExpectations(Judged judged, string path, RunSnapshot run)
    {
        try
        {
            File.WriteAllText(path, ExpectationWriter.Update(judged.Expectations, run));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ReportException($"cannot write {path}: {e.Message}", e);
        }
        judged.Console.Line($"expectations: {path}; complete the reason and the url of new entries");
    }

    private static ILoggerFactory ConsoleLogging() => LoggerFactory.Create(builder => builder
        .SetMinimumLevel(LogLevel.Debug)
        .AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace)
        .AddSimpleConsole(format =>
        {
            format.SingleLine = true;
            format.TimestampFormat = "HH:mm:ss.fff ";
        }));

    private static void Bound(double seconds, string option, Action<string> refuse)
    {
        if (!(seconds > 0 && seconds <= LongestWait.TotalSeconds))
            refuse(string.Create(CultureInfo.InvariantCulture, $"{option} takes more than 0 and at most {LongestWait.TotalSeconds} seconds"));
    }

    private static int Count(System.CommandLine.Parsing.ArgumentResult result, string option) =>
        int.TryParse(result.Tokens[^1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0
            ? count
            : (int)Refuse(result, $"{option} takes a number from 1 up");

    private static ulong? ParseSeed(string text) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex) ? hex : null
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static ulong Refuse(System.CommandLine.Parsing.ArgumentResult result, string why)
    {
        result.AddError(why);
        return 0;
    }

    private static IAnsiConsole Silence() => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Ansi = AnsiSupport.No,
        Interactive = InteractionSupport.No,
        Out = new AnsiConsoleOutput(TextWriter.Null),
    });

    /// <summary>What every run of a matrix has in common.</summary>
    private sealed record Judged(ParseResult Parsed, IReadOnlyList<PlannedCheck> Plan, ExpectationSet Expectations, IAnsiConsole Console, ResultStream? Stream);
}
