using System.Text;
using Spectre.Console;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Conformance.Tests.Running;
using Viommu.Conformance.Watching;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Tests.Program;

/// <summary>The program run in this process on a scripted session, in a folder of its own.</summary>
internal sealed class CliRun : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("conformance-");

    public ScriptedSession Session { get; init; } = new();

    public IReadOnlyList<Check> Checks { get; init; } = FakeChecks.All;

    public IReadOnlyList<DriverRule> Rules { get; init; } = [];

    public ClauseCatalogue Catalogue { get; init; } = ScriptedRun.Catalogue;

    /// <summary>True to run <see cref="Checks"/> in earnest, on the target that is named.</summary>
    public bool OnRealTarget { get; init; }

    public int Width { get; init; } = 80;

    public CancellationToken Interrupted { get; init; }

    public Func<string, ITargetSource>? ParseTarget { get; init; }

    /// <summary>What a device that is served is asked.</summary>
    public string Commands { get; init; } = "";

    /// <summary>What it answers.</summary>
    public string Answers { get; private set; } = "";

    public string Output { get; private set; } = "";

    public string Error { get; private set; } = "";

    public CheckSessionOptions? Opened { get; private set; }

    public string ReportFolder => Path.Combine(folder.FullName, "out");

    public string PathOf(string name) => Path.Combine(folder.FullName, name);

    public string Write(string name, string text)
    {
        File.WriteAllText(PathOf(name), text);
        return PathOf(name);
    }

    public string Report(string name) => File.ReadAllText(Path.Combine(ReportFolder, name));

    /// <summary>Runs with the reports in <see cref="ReportFolder"/>.</summary>
    public int Run(params string[] args) => Invoke([.. args, "--report", ReportFolder]);

    /// <summary>Runs with just these arguments.</summary>
    public int Invoke(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            Interactive = InteractionSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Out = new AnsiConsoleOutput(output),
        });
        console.Profile.Width = Width;
        using var answers = new MemoryStream();
        int exit = Cli.Run(args, new CliHost
        {
            Console = console,
            Error = error,
            Checks = Checks,
            Rules = Rules,
            Catalogue = Catalogue,
            OpenInput = () => new MemoryStream(Encoding.UTF8.GetBytes(Commands)),
            OpenOutput = () => answers,
            Interrupted = Interrupted,
            ParseTarget = ParseTarget ?? (spec => spec == "model" && !OnRealTarget ? new NoSource() : TargetSources.Parse(spec)),
            OpenSession = (source, options) =>
            {
                Opened = options;
                return OnRealTarget ? new CheckSession(source, options) : Session;
            },
        });
        Answers = Encoding.UTF8.GetString(answers.ToArray());
        (Output, Error) = (output.ToString(), error.ToString());
        return exit;
    }

    public void Dispose() => folder.Delete(recursive: true);

    /// <summary>The scripted session needs no targets.</summary>
    private sealed class NoSource : ITargetSource
    {
        public string Name => "model";

        public ITarget? Open(TargetShape shape, out string? whyNot) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
