using System.Runtime.InteropServices;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Program;

// The first signal ends a campaign in good order: corpus, findings and statistics written. The second one ends the process.
using var interrupt = new CancellationTokenSource();
using var ctrlC = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
using var termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
int exitCode = 0;
DeepStack.Start("program", () => exitCode = Cli.Run(args, FuzzHost.ForProcess(interrupt.Token))).Join();
return exitCode;

void End(PosixSignalContext signal)
{
    if (interrupt.IsCancellationRequested) return;
    signal.Cancel = true;
    interrupt.Cancel();
}
