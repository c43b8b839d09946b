using System.Text.RegularExpressions;
using Spectre.Console;
using Viommu.Fuzz.Program;
using Viommu.Fuzz.Targets;
using YamlDotNet.RepresentationModel;
using SuiteCli = Viommu.Conformance.Program.Cli;
using SuiteHost = Viommu.Conformance.Program.CliHost;

namespace Viommu.Fuzz.Tests.Repository;

/// <summary>The workflow that users copy: what it runs is what the programs take, and what it uploads is what they write.</summary>
public sealed class WorkflowTests
{
    private const string File = "conformance/ci/github-workflow.yml";

    private static readonly YamlMappingNode _workflow = Load();

    public static TheoryData<string> Commands => [.. _workflow.AllNodes.OfType<YamlMappingNode>().SelectMany(CommandsOf).Distinct()];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Each_command_is_one_that_the_program_takes(string command) => Assert.Equal([], ErrorsOf(command));

    [Theory]
    [InlineData("viommu-conformance run --target qemu --expects ci/viommu/known.yaml")]
    [InlineData("viommu-conformance run --retries some")]
    [InlineData("viommu-fuzz run sequence --device qemu --budget 60")]
    [InlineData("viommu-fuzz regress one two")]
    public void A_command_that_it_does_not_take_would_be_seen(string command) => Assert.NotEmpty(ErrorsOf(command));

    [Fact]
    public void Pull_requests_are_judged_and_nights_are_campaigns()
    {
        var jobs = (YamlMappingNode)_workflow["jobs"];
        Assert.Equal(["nightly", "pull-request"], jobs.Children.Keys.Select(key => ((YamlScalarNode)key).Value).Order());
        Assert.Contains(RunsOf(jobs["pull-request"]), command => command.StartsWith("viommu-conformance run ", StringComparison.Ordinal) && command.Contains(" --expect "));
        Assert.Contains(RunsOf(jobs["pull-request"]), command => command.StartsWith("viommu-fuzz regress ", StringComparison.Ordinal));
        Assert.Contains(RunsOf(jobs["nightly"]), command => command.StartsWith("viommu-fuzz run ", StringComparison.Ordinal) && command.Contains(" --time "));
    }

    [Fact]
    public void What_is_uploaded_is_what_a_command_of_the_job_writes()
    {
        foreach (var job in ((YamlMappingNode)_workflow["jobs"]).Children.Values)
        {
            var reports = RunsOf(job).Select(command => (Program: command.Split(' ')[0], Folder: Regex.Match(command, "--report ([^ ]+)").Groups[1].Value)).Where(run => run.Folder.Length > 0).ToList();
            var used = job.AllNodes.OfType<YamlScalarNode>().SelectMany(node => Regex.Matches(node.Value ?? "", "reports/[-a-z/]+\\.[a-z]+").Select(match => match.Value)).ToList();
            Assert.Contains(used, path => path.EndsWith(".sarif", StringComparison.Ordinal));
            Assert.All(used, path => Assert.Contains(reports, run => run.Folder == Path.GetDirectoryName(path) && Written(run.Program).Contains(Path.GetFileName(path))));
        }
    }

    private static string[] Written(string program) => program == "viommu-fuzz" ? ["findings.sarif", "junit.xml", "summary.md"] : ["results.sarif", "junit.xml", "summary.md"];

    private static IEnumerable<string> ErrorsOf(string command)
    {
        var words = Regex.Matches(command, "\"([^\"]*)\"|([^ ]+)").Select(word => word.Groups[1].Success ? word.Groups[1].Value : word.Value).ToList();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(TextWriter.Null) });
        if (words[0] == "viommu-conformance")
            return SuiteCli.Parse(words[1..], new SuiteHost { Console = console, Error = TextWriter.Null, Checks = [], Rules = [] }).Errors.Select(error => error.Message);
        var parsed = Cli.Parse(words[1..], new FuzzHost { Console = console, Error = TextWriter.Null, Interrupted = default });
        return parsed.Errors.Select(error => error.Message).Concat(words[1] == "run" && TargetList.All.All(target => target.Name != words[2]) ? [$"no target {words[2]}"] : []);
    }

    // With what the workflow's variables stand for.
    private static IEnumerable<string> CommandsOf(YamlMappingNode step) => !step.Children.TryGetValue("run", out var run) ? [] :
        from line in ((YamlScalarNode)run).Value!.Split('\n')
        where line.StartsWith("viommu-", StringComparison.Ordinal)
        select ((YamlMappingNode)_workflow["env"]).Children.Aggregate(line.Replace("${{ github.run_number }}", "17"), (text, variable) => text.Replace($"${variable.Key}", variable.Value.ToString()));

    private static List<string> RunsOf(YamlNode job) => [.. job.AllNodes.OfType<YamlMappingNode>().SelectMany(CommandsOf)];

    private static YamlMappingNode Load()
    {
        using var text = System.IO.File.OpenText(Repo.PathOf(File));
        var yaml = new YamlStream();
        yaml.Load(text);
        return (YamlMappingNode)yaml.Documents.Single().RootNode;
    }
}
