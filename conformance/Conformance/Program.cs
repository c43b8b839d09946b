using System.Runtime.InteropServices;
using Viommu.Conformance.Program;

// The first signal ends the run in good order: reports written, targets stopped. The second one ends the process.
using var interrupt = new CancellationTokenSource();
using var ctrlC = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
using var termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
return Cli.Run(args, CliHost.ForProcess(interrupt.Token));

void End(PosixSignalContext signal)
{
    if (interrupt.IsCancellationRequested) return;
    signal.Cancel = true;
    interrupt.Cancel();
}
