using System.CommandLine;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary>The options that say who else is told of a run, beside the user and the report folder.</summary>
internal sealed class OutputOptions
{
    private const string StandardOutput = "-";

    private readonly Option<string?> stream = new("--stream")
    {
        Description = "Write each result to FILE as it comes, one JSON object a line; '-' is standard output, and then nothing else is printed there.",
        HelpName = "FILE",
    };

    private readonly Option<string?> annotate = new("--annotate")
    {
        Description = "Print findings as annotations for a CI system.",
        HelpName = "github",
    };

    public OutputOptions() => annotate.AcceptOnlyFromAmong("github");

    public void AddTo(Command command)
    {
        command.Add(stream);
        command.Add(annotate);
    }

    /// <summary>True where standard output belongs to the stream.</summary>
    public bool StreamsToConsole(ParseResult parsed) => parsed.GetValue(stream) == StandardOutput;

    /// <summary>The stream that was asked for; null for none.</summary>
    public ResultStream? Open(ParseResult parsed, CliHost host) => parsed.GetValue(stream) switch
    {
        null => null,
        StandardOutput => new ResultStream(new Lent(host.Console.Profile.Out.Writer), "standard output"),
        var path => ResultStream.ToFile(path),
    };

    /// <summary>Prints the annotations that were asked for.</summary>
    public void Annotate(ParseResult parsed, CliHost host, RunSnapshot run)
    {
        if (parsed.GetValue(annotate) is null) return;
        // A CI system reads whole lines; the console would break them to its width.
        foreach (var line in GithubAnnotations.Of(run)) host.Console.Profile.Out.Writer.Write(line + "\n");
    }

    /// <summary>A writer that outlives those who dispose of it.</summary>
    private sealed class Lent(TextWriter writer) : TextWriter
    {
        public override System.Text.Encoding Encoding => writer.Encoding;

        public override void Write(char value) => writer.Write(value);

        public override void Write(string? value) => writer.Write(value);

        public override void Flush() => writer.Flush();
    }
}
