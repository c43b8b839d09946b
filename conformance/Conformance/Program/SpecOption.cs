using System.CommandLine;
using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Program;

/// <summary>The option that chooses the version of the spec.</summary>
internal sealed class SpecOption
{
    private readonly Option<string> option = new("--spec")
    {
        Description = "The version of virtio to judge by. What came later is N/A, and names are those of that version.",
        HelpName = string.Join('|', SpecVersions.All.Select(v => v.Name())),
        DefaultValueFactory = _ => SpecVersions.Latest.Name(),
    };

    public SpecOption() => option.AcceptOnlyFromAmong([.. SpecVersions.All.Select(v => v.Name())]);

    public void AddTo(Command command) => command.Add(option);

    public SpecVersion Read(ParseResult parsed) => SpecVersions.Parse(parsed.GetRequiredValue(option))!.Value;
}
