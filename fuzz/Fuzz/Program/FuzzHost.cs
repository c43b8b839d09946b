using Spectre.Console;

namespace Viommu.Fuzz.Program;

/// <summary>All that the program needs of the world around it.</summary>
internal sealed record FuzzHost
{
    // Wide enough that a line that goes to a file or a pipe is never broken in two.
    private const int Unbroken = 100_000;

    /// <summary>Where results go.</summary>
    public required IAnsiConsole Console { get; init; }

    /// <summary>Where complaints go, one line each.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Set when the user wants the run to end.</summary>
    public CancellationToken Interrupted { get; init; }

    /// <summary>The process's own world.</summary>
    public static FuzzHost ForProcess(CancellationToken interrupted)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings());
        if (System.Console.IsOutputRedirected)
        {
            console.Profile.Width = Unbroken;
            console.Profile.Capabilities.Ansi = false;
            console.Profile.Capabilities.Interactive = false;
            console.Profile.Capabilities.ColorSystem = ColorSystem.NoColors;
        }

        return new() { Console = console, Error = System.Console.Error, Interrupted = interrupted };
    }
}
