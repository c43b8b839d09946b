using System.CommandLine.Parsing;

namespace Viommu.Conformance.Program;

/// <summary>What validators ask of options.</summary>
internal static class OptionValues
{
    /// <summary>The value, or that of the type where the text is none: of that the parser complains by itself, but asking it for the value throws.</summary>
    public static T? ValueOrNone<T>(this OptionResult option)
    {
        try
        {
            return option.GetValueOrDefault<T>();
        }
        catch (InvalidOperationException)
        {
            return default;
        }
    }
}
