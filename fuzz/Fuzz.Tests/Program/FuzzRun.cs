using Spectre.Console;
using Viommu.Fuzz.Program;

namespace Viommu.Fuzz.Tests.Program;

/// <summary>One run of the program in this process, and a folder of its own for what it writes.</summary>
internal sealed class FuzzRun : IDisposable
{
    public FuzzRun() => Directory.CreateDirectory(Folder);

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), $"fuzz-{Guid.NewGuid():N}");

    public string Output { get; private set; } = "";

    public string Error { get; private set; } = "";

    /// <summary>True where the user wants the next run to end as soon as it has begun.</summary>
    public bool IsInterrupted { get; init; }

    /// <summary>What the user interrupts the run at, as soon as it has been written.</summary>
    public string? InterruptedAt { get; init; }

    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>Runs the program; returns its exit code.</summary>
    public int Run(params string[] args)
    {
        using var interrupt = new CancellationTokenSource();
        using var output = new WatchedWriter(InterruptedAt, interrupt);
        using var error = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Interactive = InteractionSupport.No, Out = new AnsiConsoleOutput(output) });
        console.Profile.Width = 10_000;
        if (IsInterrupted) interrupt.Cancel();
        int exit = Cli.Run(args, new FuzzHost { Console = console, Error = error, Interrupted = interrupt.Token });
        (Output, Error) = (output.ToString(), error.ToString());
        return exit;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private sealed class WatchedWriter(string? at, CancellationTokenSource interrupt) : StringWriter
    {
        public override void Write(string? value)
        {
            base.Write(value);
            if (at is not null && !interrupt.IsCancellationRequested && ToString().Contains(at, StringComparison.Ordinal)) interrupt.Cancel();
        }

        public override void Write(char value) => Write(value.ToString());

        public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));
    }
}
