using System.CommandLine;
using System.Globalization;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Certifying;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary><c>conformance verify FILE</c>: whether a bundle (<c>run --bundle</c>) still is what it was, told from the file alone.</summary>
internal sealed class VerifyCommand
{
    private const int Column = 10;

    private readonly CliHost host;

    private readonly Argument<string> file = new("FILE") { Description = "The bundle." };

    public VerifyCommand(CliHost host)
    {
        this.host = host;
        Command = new("verify", "Checks a bundle (run --bundle) offline: every hash, and that results, clauses and manifest agree. Exit 1 where they do not.") { file };
        Command.SetAction(Verify);
    }

    public Command Command { get; }

    private int Verify(ParseResult parsed)
    {
        var path = parsed.GetRequiredValue(file);
        var verification = Bundle.Verify(path, host.Checks, host.Catalogue, host.NotTested);
        var (manifest, run) = (verification.Manifest, verification.Run);
        Say("target", run.Target.ToString());
        Say("virtio", run.Spec.Name());
        Say("tool", $"{manifest.Tool}, sha256 {manifest.ToolSha256}{(verification.IsByThisTool ? ", this program" : ", another build: the clauses' verdicts were not derived again")}");
        Say("seed", run.Seed.ToString(CultureInfo.InvariantCulture));
        Say("made", manifest.Made.ToString("u", CultureInfo.InvariantCulture));
        Say("checks", string.Join(", ", run.Checks.GroupBy(c => c.Verdict).OrderBy(g => g.Key).Select(g => string.Create(CultureInfo.InvariantCulture, $"{g.Count()} {g.Key.Name()}"))));
        Say("outcome", manifest.Exit switch
        {
            ExitCode.AsExpected => "as expected",
            ExitCode.Findings => "findings",
            _ => "checks without a result",
        });
        foreach (var problem in verification.Problems) host.Console.Labelled("BROKEN", Column, problem, TextLines.StyleOf(Verdict.Fail));
        Say("bundle", $"sha256 {Manifest.Hash(File.ReadAllBytes(path))}");
        var exit = verification.Problems.Count == 0 ? ExitCode.AsExpected : ExitCode.Findings;
        host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"{(exit == ExitCode.AsExpected ? "the bundle holds together" : "the bundle does not hold together")}: exit {exit}"));
        return exit;
    }

    private void Say(string label, string text) => host.Console.Labelled(label, Column, text);
}
