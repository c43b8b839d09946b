using System.CommandLine;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Program;

/// <summary>The options that choose checks, or rules of drivers.</summary>
internal sealed class SelectionOptions
{
    private readonly Option<string[]> only = new("--only")
    {
        Description = "These checks only: a glob on check ids or clause ids, such as 'IOMMU-MAP-*', or @FILE with one a line. Can be repeated.",
        HelpName = "GLOB",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string[]> skip = new("--skip")
    {
        Description = "Leave these checks out; a glob as for --only. Can be repeated.",
        HelpName = "GLOB",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string> level = new("--level")
    {
        Description = "Weakest wording that counts: must takes MUST only, should adds SHOULD, may takes all.",
        HelpName = "must|should|may",
        DefaultValueFactory = _ => "may",
    };

    /// <param name="what">What is chosen from, in the plural.</param>
    /// <param name="isReported">True where what is left out has a line in the reports.</param>
    public SelectionOptions(string what = "checks", bool isReported = false)
    {
        only.Description = only.Description!.Replace("checks", what, StringComparison.Ordinal).Replace("check ids", $"{what[..^1]} ids", StringComparison.Ordinal);
        skip.Description = skip.Description!.Replace("checks", what, StringComparison.Ordinal) + (isReported ? " They are SKIP in the reports." : "");
        level.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, "must", "should", "may");
    }

    public void AddTo(Command command)
    {
        command.Add(only);
        command.Add(skip);
        command.Add(level);
    }

    /// <summary>What the user chose; throws <see cref="UsageException"/> where a file of globs cannot be read.</summary>
    public Selection Read(ParseResult parsed) => new(
        Globs(only, parsed.GetRequiredValue(only)),
        Globs(skip, parsed.GetRequiredValue(skip)),
        Enum.Parse<Level>(parsed.GetRequiredValue(level), ignoreCase: true));

    private static IReadOnlyList<Glob> Globs(Option<string[]> option, string[] given)
    {
        try
        {
            return GlobList.Read(given);
        }
        catch (FormatException e)
        {
            throw new UsageException($"{option.Name}: {e.Message}");
        }
    }
}
