using System.CommandLine;
using System.Globalization;
using System.Text;
using Viommu.Conformance.Program;
using Viommu.Conformance.Running;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Instrumentation;
using Viommu.Fuzz.Reports;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Program;

/// <summary><c>fuzz coverage</c>: which lines and branches of the device the corpus reaches.</summary>
internal sealed class CoverageCommand
{
    private const string Device = "Viommu.Device";

    private readonly FuzzHost _host;
    private readonly Argument<string[]> _targets = new("TARGET") { Description = "Targets whose corpora count together. [default: all that reach the device; then the device alone counts]", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string[]> _corpora = new("--corpus") { Description = "Further folders of inputs, of the one target that is given.", HelpName = "DIR", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string> _output = new("--output", "-o") { Description = "Where the report goes.", HelpName = "FILE", DefaultValueFactory = _ => Path.Combine("reports", "fuzz", "coverage.html") };

    private readonly Option<string?> _cobertura = new("--cobertura") { Description = "Write Cobertura's XML as well.", HelpName = "FILE" };
    private readonly Option<string?> _lcov = new("--lcov") { Description = "Write a trace file of lcov as well.", HelpName = "FILE" };

    public CoverageCommand(FuzzHost host)
    {
        _host = host;
        Command = new("coverage", "Shows which lines and branches of the device the inputs reach.") { _targets, _corpora, _output, _cobertura, _lcov };
        Command.SetAction(Run);
    }

    public Command Command { get; }

    private int Run(ParseResult parsed)
    {
        var names = parsed.GetValue(_targets) ?? [];
        var targets = names.Length == 0 ? TargetList.All.Where(target => target.Instrumented.Contains(Device)).ToList() : names.Select(Arguments.FindTarget).ToList();
        var folders = parsed.GetValue(_corpora) ?? [];
        if (folders.Length > 0 && targets.Count != 1) throw new UsageException("--corpus goes with one target");
        if (folders.FirstOrDefault(folder => !Directory.Exists(folder)) is { } missing) throw new UsageException($"--corpus: there is no folder {missing}");

        // Every target numbers the same assembly's edges in the same way, unless it instruments others as well: those are told apart by name and line.
        var reached = new Dictionary<(string Method, string File, int Line, int Which), (Edge Edge, bool Reached)>();
        var inputs = targets.ToDictionary(target => target, target => Inputs(target, folders));
        int run = 0;
        foreach (var target in targets)
        {
            using var executor = new TargetHost(target).Instrumented();
            var novelty = new Novelty(executor.Counters.Length, target.StateCount);
            foreach (var input in inputs[target])
            {
                if (_host.Interrupted.IsCancellationRequested) break;
                run++;
                executor.Execute(input);
                novelty.Absorb(executor.Counters, executor.Observations);
            }

            Add(executor.Edges!, novelty, reached);
        }

        string output = parsed.GetRequiredValue(_output);
        // Some targets instrument the suite's own code as well; it is of interest to who names them.
        var report = new CoverageReport([.. reached.Values.Where(edge => edge.Edge.File.Length > 0 && (names.Length > 0 || IsOfDevice(edge.Edge)))]);
        Write(output, report.Render());
        if (parsed.GetValue(_cobertura) is { } cobertura) Write(cobertura, CoberturaReport.Render(report, DateTimeOffset.UtcNow));
        if (parsed.GetValue(_lcov) is { } lcov) Write(lcov, LcovReport.Render(report));
        _host.Console.Line(string.Create(CultureInfo.InvariantCulture,
            $"lines {report.CoveredLines} of {report.Lines} ({report.LinePercent:0.0} %), edges {report.CoveredEdges} of {report.Edges} ({report.EdgePercent:0.0} %): {output}"));
        int all = inputs.Values.Sum(ofTarget => ofTarget.Count);
        if (run == all) return ExitCode.AsExpected;
        _host.Console.Line(string.Create(CultureInfo.InvariantCulture, $"interrupted: {all - run} of {all} inputs are not run, and not in these figures"));
        return ExitCode.Harness;
    }

    private static void Write(string path, string text)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException($"cannot write {path}: {e.Message}");
        }

        if (CorpusFolder.TryWrite(path, Encoding.UTF8.GetBytes(text)) is { } trouble) throw new CorpusException(trouble);
    }

    private List<byte[]> Inputs(TargetInfo target, IEnumerable<string> folders)
    {
        List<byte[]> inputs = [.. target.Seeds().Select(seed => seed.Input), .. ShippedCorpus.Inputs(target, Complain)];
        foreach (var folder in folders)
        {
            int before = inputs.Count;
            inputs.AddRange(CorpusFolder.Read(folder, target.Format, Complain).Select(stored => stored.Input));
            if (inputs.Count == before) throw new NothingToRunException($"there are no inputs of {target.Name} in {folder}; --corpus takes a folder that has some, such as corpus in a report folder");
        }

        return inputs;
    }

    private static void Add(EdgeTable table, Novelty novelty, Dictionary<(string, string, int, int), (Edge Edge, bool Reached)> reached)
    {
        var seen = new Dictionary<(string, string, int), int>();
        for (int edge = 0; edge < table.Edges.Count; edge++)
        {
            var (method, file, line, _) = table.Edges[edge];
            int which = seen.TryGetValue((method, file, line), out int before) ? before + 1 : 0;
            seen[(method, file, line)] = which;
            var key = (method, file, line, which);
            bool already = reached.TryGetValue(key, out var known) && known.Reached;
            reached[key] = (table.Edges[edge], already || novelty.Reached(edge));
        }
    }

    private static bool IsOfDevice(Edge edge) => edge.Method.StartsWith(Device + ".", StringComparison.Ordinal);

    private void Complain(string message) => _host.Error.WriteLine($"fuzz: {message}");
}
