using Spectre.Console;

namespace Viommu.Conformance.Program;

/// <summary>The console of this process, as both programs write to it.</summary>
internal static class ProcessConsole
{
    // Wide enough that a line that goes to a file or a pipe is never broken in two.
    private const int Unbroken = 100_000;

    /// <summary>Opens it; plain and unbroken lines where it is no terminal.</summary>
    public static IAnsiConsole Open()
    {
        System.Console.SetOut(new StandardOutput(System.Console.Out));
        var console = AnsiConsole.Create(new AnsiConsoleSettings());
        if (!System.Console.IsOutputRedirected) return console;
        console.Profile.Width = Unbroken;
        console.Profile.Capabilities.Ansi = false;
        console.Profile.Capabilities.Interactive = false;
        console.Profile.Capabilities.ColorSystem = ColorSystem.NoColors;
        return console;
    }
}
