using Spectre.Console;
using Viommu.Conformance.Program;

namespace Viommu.Fuzz.Program;

/// <summary>All that the program needs of the world around it.</summary>
internal sealed record FuzzHost
{
    /// <summary>Where results go.</summary>
    public required IAnsiConsole Console { get; init; }

    /// <summary>Where complaints go, one line each.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Set when the user wants the run to end.</summary>
    public CancellationToken Interrupted { get; init; }

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The process's own world.</summary>
    public static FuzzHost ForProcess(CancellationToken interrupted) =>
        new() { Console = ProcessConsole.Open(), Error = System.Console.Error, Interrupted = interrupted };
}
