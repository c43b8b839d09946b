using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Viommu.Conformance.Program;

/// <summary>The help of a program, followed by examples and what its exit codes mean.</summary>
internal sealed class HelpWithExamples(HelpAction help, int width, string examples) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    /// <summary>Has the help of a root command end so.</summary>
    public static void AddTo(RootCommand root, int width, string examples)
    {
        foreach (var option in root.Options.OfType<HelpOption>()) option.Action = new HelpWithExamples((HelpAction)option.Action!, width, examples);
    }

    public override int Invoke(ParseResult parseResult)
    {
        help.MaxWidth = width;
        int exit = help.Invoke(parseResult);
        parseResult.InvocationConfiguration.Output.Write(examples);
        return exit;
    }
}
