using System.Diagnostics;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Viommu.Fuzz.Tests.Program;

/// <summary>The program in a process of its own, which may hang or die, perhaps with a device that makes it do so.</summary>
internal sealed class FuzzProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    private FuzzProcess(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        _output = _process.StandardOutput.ReadToEndAsync();
        _error = _process.StandardError.ReadToEndAsync();
    }

    public bool HasExited => _process.HasExited;

    public string Output => _output.Result;

    public string Error => _error.Result;

    public static FuzzProcess Start(string folder, params string[] args) => new(new("dotnet", [Path.Combine(folder, "fuzz.dll"), .. args]));

    /// <summary>The program as it was built here, where there is another working directory.</summary>
    public static FuzzProcess StartIn(string folder, params string[] args) => new(new("dotnet", [Path.Combine(AppContext.BaseDirectory, "fuzz.dll"), .. args]) { WorkingDirectory = folder });

    /// <summary>One of the programs where all that is written to standard output is refused.</summary>
    public static FuzzProcess StartOnFullOutput(string folder, string program, params string[] args) =>
        new(new("bash", ["-c", "exec dotnet \"$@\" >/dev/full", "bash", Path.Combine(AppContext.BaseDirectory, program), .. args]) { WorkingDirectory = folder });

    /// <summary>The same where no file may grow beyond some kilobytes: writing more fails, as on a full disk.</summary>
    public static FuzzProcess StartWithFilesOf(int kilobytes, params string[] args)
    {
        // The signal that comes with the error is for programs that do not look at errors; the runtime's second mapping of code is a file as well.
        var start = new ProcessStartInfo("bash", ["-c", $"trap '' XFSZ; ulimit -f {kilobytes}; exec dotnet \"$@\"", "bash", Path.Combine(AppContext.BaseDirectory, "fuzz.dll"), .. args]);
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        return new(start);
    }

    /// <summary>
    /// The program in another folder, with a device that does something of its own when it handles DETACH, which no machine is set up with: <paramref name="misdeed"/> is a call of
    /// a static method of the runtime with one constant.
    /// </summary>
    public static void Install(string folder, Func<ModuleDefinition, Instruction[]> misdeed)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory).Where(file => Path.GetExtension(file) is ".dll" or ".json"))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        string device = Path.Combine(folder, "Viommu.Device.dll");
        using var assembly = AssemblyDefinition.ReadAssembly(new MemoryStream(File.ReadAllBytes(device)));
        var body = assembly.MainModule.GetType("Viommu.Device.Iommu.DetachHandler").Methods.Single(method => method.Name == "Handle").Body;
        var first = body.Instructions[0];
        foreach (var instruction in misdeed(assembly.MainModule)) body.GetILProcessor().InsertBefore(first, instruction);
        assembly.Write(device);
    }

    /// <summary>Waits for the end; returns the exit code.</summary>
    public int Wait()
    {
        Assert.True(_process.WaitForExit(TimeSpan.FromMinutes(15)), "the program does not end");
        return _process.ExitCode;
    }

    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited) Kill();
        _process.Dispose();
    }
}
