using System.CommandLine;
using Viommu.Conformance.Expectations;
using Viommu.Conformance.Recorded;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Conformance.Scripts;
using Viommu.Conformance.Watching.Traces;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Program;

/// <summary>The program, from its arguments to its exit code.</summary>
internal static class Cli
{
    private const string DefaultVerb = "run";

    // '@FILE' names a list of ids (--only, --skip); the parser's own response files would swallow it.
    private static readonly ParserConfiguration AsGiven = new() { ResponseFileTokenReplacer = null };

    private const string Examples = """
        Examples:
          conformance                            judge the reference device
          conformance --target qemu              judge QEMU; exit 1 if it breaks a MUST
          conformance --target qemu:./build/qemu-system-x86_64 --only 'IOMMU-MAP-*'
          conformance --target 'exec:./my-device --virtio-iommu'
                                                 judge any device: a program that serves it
          conformance --expect known.yaml        a CI gate: only what is new is red
          conformance explain IOMMU-MAP-D-01     a clause, its checks, how to read them
          conformance --shard 2/5                one part of five; 'merge' puts them together
          conformance compare old/ new/          what changed between two runs
          conformance selftest                   proof that every check can fail
          conformance run --random 1000          random requests, judged by the whole chapter
          conformance replay FILE.viommu         a script that a random run has saved, again
          conformance replay FILE.viommu --target qemu --export-qtest OUT
                                                 the same for who has only QEMU
          conformance watch                      judge a guest driver: the suite's own
          conformance watch guest.jsonl.gz       judge the driver in a recorded trace

        Verdicts:
          PASS           the rule is kept
          FAIL, WARN     the device breaks a MUST, or a SHOULD
          CRASH, TIMEOUT the target died, or did not answer in time
          XFAIL, XPASS   broken as --expect foretells, or kept although it does
          FLAKE          failed, and not when --retries repeated it: red if --strict
          N/A            the rule does not apply to the device; the reason is given
          SKIP           left out by --only, --skip or --level
          NOT-TESTED     a clause without a check; the reason is given
          ERROR, MISSING the harness failed, or the run ended early

        Exit codes:
          0  as expected
          1  findings: FAIL, CRASH, TIMEOUT, XPASS, stale expectations; WARN and FLAKE if --strict
          2  ERROR or MISSING, no target, no reports, or no check selected
          3  usage: the command line, an unknown id, or the expectations file

        """;

    /// <summary>Runs the program; whatever goes wrong is one line on the error stream and an exit code.</summary>
    public static int Run(IReadOnlyList<string> args, CliHost host)
    {
        try
        {
            return Invoke(args, host);
        }
        catch (Exception e) when (e is UsageException or ExpectationFormatException or ResultsFormatException or ScriptFormatException or TraceFormatException)
        {
            return Complain(host, e, ExitCode.Usage);
        }
        catch (Exception e) when (e is TargetUnavailableException or ReportException or OutputException)
        {
            return Complain(host, e, ExitCode.Harness);
        }
        catch (OperationCanceledException) when (host.Interrupted.IsCancellationRequested)
        {
            host.Error.WriteLine("conformance: interrupted before the first check");
            return ExitCode.Harness;
        }
        catch (Exception e)
        {
            host.Error.WriteLine($"conformance: internal error, please report it: {OneLine(e.ToString())}");
            return ExitCode.Harness;
        }
    }

    /// <summary>What a command line means; its errors are what is wrong with it.</summary>
    internal static ParseResult Parse(IReadOnlyList<string> args, CliHost host)
    {
        Command[] verbs =
        [
            new RunCommand(host).Command, new ListCommand(host).Command, new ClausesCommand(host).Command, new ExplainCommand(host).Command,
            new SelftestCommand(host).Command, new WatchCommand(host).Command, new CompareCommand(host).Command, new MergeCommand(host).Command,
            new VerifyCommand(host).Command,
            new ReplayCommand(host).Command, new ServeCommand(host).Command,
        ];
        var root = new RootCommand("Judges a virtio-iommu device against virtio 1.4, clause by clause. Without a command it runs 'run'.");
        foreach (var verb in verbs) root.Add(verb);
        HelpWithExamples.AddTo(root, host.Console.Profile.Width, Examples);

        return root.Parse(NamesVerb(args, root) ? [.. args] : [DefaultVerb, .. args], AsGiven);
    }

    private static int Invoke(IReadOnlyList<string> args, CliHost host)
    {
        var parsed = Parse(args, host);
        if (parsed.Errors.Count > 0)
            throw new UsageException($"{OneLine(parsed.Errors[0].Message)} (conformance {parsed.CommandResult.Command.Name} --help shows what there is)");

        using var output = new StringWriter();
        var exit = parsed.Invoke(new InvocationConfiguration
        {
            Output = output,
            Error = host.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null, // signals are the host's: a run ends with its reports written
        });
        foreach (var line in output.ToString().TrimEnd().ReplaceLineEndings("\n").Split('\n').Where((_, i) => i > 0 || output.GetStringBuilder().Length > 0))
            host.Console.Line(line);
        return exit;
    }

    /// <summary>True where the first argument is for the root: a verb, or a question about the program itself.</summary>
    private static bool NamesVerb(IReadOnlyList<string> args, RootCommand root) =>
        args is [var first, ..] && (root.Subcommands.Any(c => c.Name == first) || root.Options.Any(o => o.Name == first || o.Aliases.Contains(first)));

    private static int Complain(CliHost host, Exception e, int exit)
    {
        host.Error.WriteLine($"conformance: {OneLine(e.Message)}");
        return exit;
    }

    private static string OneLine(string text) => PlainText.Shown(text).Replace('\n', ' ');
}
