using System.CommandLine;
using System.Globalization;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary>The options that say how checks are run, once they are chosen.</summary>
internal sealed class ExecutionOptions
{
    private const int MostJobs = 64;
    private const int MostRetries = 100;

    private readonly Option<string?> shard = new("--shard")
    {
        Description = "Run one part of the plan, such as 2/5, the others being run elsewhere; 'conformance merge' puts the parts together.",
        HelpName = "K/N",
    };

    private readonly Option<int> jobs = Number("--jobs", 1, "How many targets to run checks on at a time.");

    private readonly Option<string> order = new("--order")
    {
        Description = "Order in which checks run: that of the spec, or one that the seed decides, which shows checks that lean on each other.",
        HelpName = "spec|random",
        DefaultValueFactory = _ => "spec",
    };

    private readonly Option<int?> maxFailures = new("--max-failures")
    {
        Description = "Begin no further check after N findings; the rest is MISSING. 1 stops at the first.",
        HelpName = "N",
    };

    private readonly Option<int> retries = Number("--retries", 0,
        "Repeat a check that fails on a fresh target, up to N times; one that passes then is FLAKE. Never on the model, where time is virtual.");

    private readonly Option<bool> trace = new("--trace") { Description = "Print every exchange of every check, and keep it in the reports." };

    public ExecutionOptions()
    {
        order.AcceptOnlyFromAmong("spec", "random");
        shard.Validators.Add(result =>
        {
            if (result.ValueOrNone<string?>() is { } text && Shard.Parse(text) is null) result.AddError($"--shard takes K/N, such as 2/5, not '{text}'");
        });
        Bound(jobs, 1, MostJobs);
        Bound(retries, 0, MostRetries);
        maxFailures.Validators.Add(result =>
        {
            if (result.ValueOrNone<int?>() is < 1) result.AddError("--max-failures takes a number from 1");
        });
    }

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[shard, jobs, order, maxFailures, retries, trace]) command.Add(option);
    }

    /// <summary>The part of the plan that is to run here.</summary>
    public IReadOnlyList<PlannedCheck> Deal(ParseResult parsed, IReadOnlyList<PlannedCheck> plan) =>
        parsed.GetValue(shard) is { } text ? Shard.Parse(text)!.Deal(plan) : plan;

    /// <summary>The run's options, completed.</summary>
    public RunOptions Complete(ParseResult parsed, RunOptions options) => options with
    {
        MaxFailures = parsed.GetValue(maxFailures),
        Retries = parsed.GetValue(retries),
        Shuffled = parsed.GetRequiredValue(order) == "random",
    };

    public int Jobs(ParseResult parsed) => parsed.GetValue(jobs);

    public bool IsTraced(ParseResult parsed) => parsed.GetValue(trace);

    private static Option<int> Number(string name, int value, string description) =>
        new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };

    private static void Bound(Option<int> option, int least, int most) => option.Validators.Add(result =>
    {
        if (result.ValueOrNone<int>() is var value && (value < least || value > most))
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} takes a number from {least} to {most}"));
    });
}
