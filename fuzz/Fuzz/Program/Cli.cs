using System.CommandLine;
using Viommu.Conformance.Expectations;
using Viommu.Conformance.Program;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Devices;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Program;

/// <summary>The program, from its arguments to its exit code.</summary>
internal static class Cli
{
    private const string Examples = """
        Examples:
          fuzz run sequence --time 60            a minute of requests, DMA and resets
          fuzz run sequence --device qemu --time 600 --expect known.yaml
                                                 a CI gate: only what is new is red
          fuzz run sequence --device qemu --time 600 --update-expectations known.yaml
                                                 writes that file
          fuzz run sequence --device "exec:./my-vmm --iommu" --time 600
                                                 your own device, behind the lines that 'conformance --target exec:' speaks
          fuzz replay reports/fuzz/sequence/findings/FILE
                                                 a finding again, step by step
          fuzz triage reports/fuzz/sequence -o findings.md
                                                 all findings again: what is left of them
          fuzz regress                           everything in corpus/, once
          fuzz regress my-inputs/sequence --device qemu --report reports/regress
          fuzz coverage                          the lines of the device that corpus/ reaches
          fuzz selftest --time 10 --seeds 1      proof that campaigns find what is broken

        Exit codes:
          0  as expected: nothing found, or only what --expect knows
          1  findings; an entry of --expect that has expired, or did not come up if --strict
          2  the harness failed: nothing to run, no device, a folder that cannot be written, a campaign that a known hang cut short
          3  usage: the command line, an unknown target, or the file of known findings

        """;

    /// <summary>Runs the program; whatever goes wrong is one line on the error stream and an exit code.</summary>
    public static int Run(IReadOnlyList<string> args, FuzzHost host)
    {
        try
        {
            return Invoke(args, host);
        }
        catch (Exception e) when (e is UsageException or ExpectationFormatException)
        {
            return Complain(host, e.Message, ExitCode.Usage);
        }
        catch (Exception e) when (e is NothingToRunException or CorpusException or ReportException or HarnessException or OutputException)
        {
            return Complain(host, e.Message, ExitCode.Harness);
        }
        catch (TargetUnavailableException e)
        {
            return Complain(host, OutsideDevice.OfDevice(e.Message), ExitCode.Harness);
        }
        catch (Exception e)
        {
            return Complain(host, $"internal error, please report it: {e}", ExitCode.Harness);
        }
    }

    /// <summary>What a command line means; its errors are what is wrong with it.</summary>
    internal static ParseResult Parse(IReadOnlyList<string> args, FuzzHost host)
    {
        var root = new RootCommand("Coverage-guided fuzzing of a virtio-iommu.");
        foreach (var verb in Verbs(host)) root.Add(verb);
        HelpWithExamples.AddTo(root, host.Console.Profile.Width, Examples);
        return root.Parse([.. args]);
    }

    private static int Invoke(IReadOnlyList<string> args, FuzzHost host)
    {
        var parsed = Parse(args, host);
        if (parsed.Errors.Count > 0)
            throw new UsageException($"{parsed.Errors[0].Message} (fuzz {parsed.CommandResult.Command.Name} --help shows what there is)");
        using var output = new StringWriter();
        int exit = parsed.Invoke(new InvocationConfiguration
        {
            Output = output,
            Error = host.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null, // signals are the host's: a campaign ends with its corpus written
        });
        if (output.GetStringBuilder().Length > 0) host.Console.Line(output.ToString().TrimEnd());
        return exit;
    }

    private static IEnumerable<Command> Verbs(FuzzHost host) =>
    [
        new ListCommand(host).Command,
        new RunCommand(host).Command,
        new ReplayCommand(host).Command,
        new RegressCommand(host).Command,
        new MinimizeCommand(host).Command,
        new MergeCommand(host).Command,
        new TriageCommand(host).Command,
        new CoverageCommand(host).Command,
        new StatsCommand(host).Command,
        new ShowCommand(host).Command,
        new GuestCommand(host).Command,
        new SelftestCommand(host).Command,
        new AflCommand(host).Command,
    ];

    private static int Complain(FuzzHost host, string message, int exit)
    {
        host.Error.WriteLine($"fuzz: {message.ReplaceLineEndings(" ")}");
        return exit;
    }
}
