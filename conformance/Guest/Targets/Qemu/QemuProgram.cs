using System.ComponentModel;
using Viommu.Guest.Targets.Processes;

namespace Viommu.Guest.Targets.Qemu;

/// <summary>An installed QEMU: where it is, and what it says of itself.</summary>
/// <param name="Path">Full path.</param>
/// <param name="Version">For example <c>7.2.22</c>.</param>
/// <param name="IommuOptions">Names of the options of its virtio-iommu.</param>
internal sealed record QemuProgram(string Path, string Version, IReadOnlySet<string> IommuOptions)
{
    private const string DefaultName = "qemu-system-x86_64";
    private const string VersionPrefix = "QEMU emulator version ";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>What a shell finds it by: its usual name where that leads here, since another of that name is another QEMU; else its path.</summary>
    public string Command => Path == ProcessLauncher.FindOnPath(DefaultName) ? DefaultName : Path;

    /// <summary>
    /// Finds and questions a QEMU: <paramref name="program"/> is a path, a name on <c>PATH</c>, or null for the usual name;
    /// <paramref name="iommuModel"/> is the model of the device under test. Throws <see cref="TargetUnavailableException"/>.
    /// </summary>
    public static QemuProgram Find(string? program, string iommuModel)
    {
        var path = Locate(program);
        if (Ask(path, "--version").Select(VersionIn).FirstOrDefault(found => found is not null) is not { } version)
            throw new TargetUnavailableException($"{path} is not QEMU: it answers --version without saying '{VersionPrefix}...'");
        // Lines such as "  boot-bypass=<bool>     -  (default: true)".
        var options = Ask(path, "-device", $"{iommuModel},help")
            .Select(line => line.Split("=<", 2))
            .Where(parts => parts.Length == 2)
            .Select(parts => parts[0].Trim())
            .ToHashSet(StringComparer.Ordinal);
        if (options.Count == 0) throw new TargetUnavailableException($"QEMU {version} at {path} has no {iommuModel}");
        return new(path, version, options);
    }

    private static string Locate(string? program)
    {
        if (program is null)
        {
            return ProcessLauncher.FindOnPath(DefaultName) ?? throw new TargetUnavailableException(
                $"{DefaultName} is not on PATH: install it (Debian: qemu-system-x86) or name one with --target qemu:PATH");
        }
        if (File.Exists(program)) return System.IO.Path.GetFullPath(program);
        var isName = !program.Contains(System.IO.Path.DirectorySeparatorChar);
        return (isName ? ProcessLauncher.FindOnPath(program) : null)
            ?? throw new TargetUnavailableException($"there is no program {program}: name a qemu-system-x86_64 with --target qemu:PATH");
    }

    private static string? VersionIn(string line) => line.StartsWith(VersionPrefix, StringComparison.Ordinal)
        ? line[VersionPrefix.Length..].Split(' ')[0]
        : null;

    private static IReadOnlyList<string> Ask(string path, params string[] arguments)
    {
        try
        {
            using var child = ChildProcess.Start(ProcessLauncher.DyingWithUs(path, arguments), outputLines: 200);
            if (!child.WaitForExit(Patience))
                throw new TargetUnavailableException($"{path} did not answer {arguments[0]} within {Patience.TotalSeconds:0} s");
            return child.Said;
        }
        catch (Win32Exception refusal)
        {
            throw new TargetUnavailableException($"{path} cannot be started: {refusal.Message}", refusal);
        }
    }
}
