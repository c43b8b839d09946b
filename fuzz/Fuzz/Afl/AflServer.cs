using System.Diagnostics;
using System.Globalization;
using System.IO.MemoryMappedFiles;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Afl;

/// <summary>
/// A target under AFL++. A supervisor says hello and starts a worker, which inherits both pipes and serves the runs itself, so that no run
/// passes through two processes. A worker that dies or is killed inside a run is answered for by the supervisor, and replaced: hangs, stack
/// overflows and fail-fasts are findings like others.
/// </summary>
internal sealed class AflServer(TargetInfo target, string device)
{
    private const string InsideVariable = "VIOMMU_FUZZ_INSIDE";
    private const int KilledBySignal = 128;

    private readonly TargetHost _host = new(target, Program.Arguments.FindDevice(device));

    /// <summary>The role of this process: a worker where a supervisor has started it.</summary>
    public int Run()
    {
        if (Environment.GetEnvironmentVariable(InsideVariable) is { } inside) return Serve(inside);
        return Supervise();
    }

    private int Supervise()
    {
        using var executor = _host.Instrumented();
        bool hasTestCases = Environment.GetEnvironmentVariable(AflProtocol.TestCaseVariable) is not null;
        if (!AflProtocol.TryGreet(AflMap.SizeFor(executor), hasTestCases, AflDictionary.Encode(target))) return 0;

        string path = Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"viommu-fuzz-{Environment.ProcessId}"));
        try
        {
            File.WriteAllBytes(path, [0]);
            using var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open);
            using var inside = file.CreateViewAccessor(0, 1);
            for (; ; )
            {
                int code = RunWorker(path);
                // Between two runs a worker only ends because AFL++ has gone.
                if (inside.ReadByte(0) == 0) return 0;
                inside.Write(0, (byte)0);
                uint status = code > KilledBySignal ? (uint)(code - KilledBySignal) : AflProtocol.Aborted;
                if (!Posix.TryWrite(AflProtocol.StatusDescriptor, status)) return 0;
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    private int RunWorker(string inside)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { UseShellExecute = false };
        // Under "dotnet fuzz.dll" the process is dotnet, whose first argument is the program.
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(AflServer).Assembly.Location);
        start.ArgumentList.Add("afl");
        start.ArgumentList.Add(target.Name);
        start.ArgumentList.Add("--device");
        start.ArgumentList.Add(device);
        start.Environment[InsideVariable] = inside;
        using var worker = Process.Start(start)!;
        worker.WaitForExit();
        return worker.ExitCode;
    }

    private unsafe int Serve(string insidePath)
    {
        using var executor = NewExecutor();
        using var file = MemoryMappedFile.CreateFromFile(insidePath, FileMode.Open);
        using var inside = file.CreateViewAccessor(0, 1);
        var map = new AflMap(executor, Posix.Attach(Environment.GetEnvironmentVariable(AflProtocol.MapVariable)));
        nint testCase = Posix.Attach(Environment.GetEnvironmentVariable(AflProtocol.TestCaseVariable));
        var buffer = new byte[Math.Max(1 << 20, target.Shape.MaximumSize)];
        while (Posix.TryRead(AflProtocol.CommandDescriptor, out _))
        {
            if (!Posix.TryWrite(AflProtocol.StatusDescriptor, (uint)Environment.ProcessId)) break;
            inside.Write(0, (byte)1);
            bool isBroken = testCase != 0
                ? Execute(executor, new ReadOnlySpan<byte>((byte*)testCase + sizeof(uint), (int)Math.Min(*(uint*)testCase, 1u << 20)))
                : Execute(executor, buffer.AsSpan(0, ReadStandardInput(buffer)));
            map.Publish();
            inside.Write(0, (byte)0);
            if (!Posix.TryWrite(AflProtocol.StatusDescriptor, isBroken ? AflProtocol.Aborted : 0)) break;
        }

        return 0;
    }

    /// <summary>One run without a fork server, as afl-showmap and afl-cmin do it: from a file, or from standard input.</summary>
    public int RunOnce(string? path)
    {
        using var executor = NewExecutor();
        var map = new AflMap(executor, Posix.Attach(Environment.GetEnvironmentVariable(AflProtocol.MapVariable)));
        var buffer = new byte[1 << 20];
        ReadOnlySpan<byte> input = path is null ? buffer.AsSpan(0, ReadStandardInput(buffer)) : File.ReadAllBytes(path);
        bool isBroken = Execute(executor, input);
        map.Publish();
        if (!isBroken) return 0;
        // A finding is a crash, which these tools see by the signal.
        Posix.Abort();
        return 0;
    }

    /// <summary>
    /// An executor that has run before: to build its machines and switch them on is no part of what an input reaches, and AFL++ takes an edge that
    /// the first run alone takes for an unstable one.
    /// </summary>
    internal TargetExecutor NewExecutor()
    {
        var executor = _host.Instrumented();
        foreach (var seed in target.Seeds()) executor.Execute(seed.Input);
        executor.Counters.Clear();
        return executor;
    }

    private static bool Execute(IExecutor executor, ReadOnlySpan<byte> input) => executor.Execute(input) is not null;

    // AFL++ rewinds the file behind descriptor 0 before each run.
    private static int ReadStandardInput(byte[] buffer)
    {
        int length = 0;
        for (; ; )
        {
            int read = Posix.ReadSome(0, buffer.AsSpan(length));
            if (read <= 0) return length;
            length += read;
        }
    }
}
