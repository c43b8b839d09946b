using System.Text;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Reports;

/// <summary>A report cannot be written; the message says which and why.</summary>
internal sealed class ReportException(string message, Exception inner) : Exception(message, inner);

/// <summary>
/// Keeps the reports of a folder up to date as the run goes. Each file is replaced as a whole, so that whoever reads it, or finds it
/// after the run was killed, has a valid report with the checks that did not run as MISSING.
/// </summary>
internal sealed class ReportFolder : IRunObserver
{
    // Half a surrogate pair in a device's words becomes U+FFFD; it must not cost the report.
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private readonly List<(IReport Report, string Path)> files;
    private readonly Dictionary<IReport, long> written = [];
    private readonly TimeProvider clock;

    /// <summary>Prepares the folder; throws <see cref="ReportException"/> where it cannot be written to.</summary>
    public ReportFolder(string folder, IReadOnlyList<IReport> reports, TimeProvider clock)
    {
        Folder = folder;
        this.clock = clock;
        files = [.. reports.Select(r => (r, Path.Combine(folder, r.FileName)))];
        Create(folder);
    }

    /// <summary>Where the reports are.</summary>
    public string Folder { get; }

    /// <inheritdoc/>
    public void RunStarted(RunSnapshot run) => Write(run, always: true);

    /// <inheritdoc/>
    public void CheckStarted(Check check)
    {
    }

    /// <inheritdoc/>
    public void CheckFinished(CheckResult result, RunSnapshot run) => Write(run, always: false);

    /// <inheritdoc/>
    public void RunFinished(RunSnapshot run) => Write(run, always: true);

    private void Write(RunSnapshot run, bool always)
    {
        foreach (var (report, path) in files)
        {
            if (!always && clock.GetElapsedTime(written[report]) < report.Interval) continue;
            Replace(path, report.Render(run));
            written[report] = clock.GetTimestamp();
        }
    }

    /// <summary>The bytes of a report.</summary>
    internal static byte[] Encode(string text) => Utf8.GetBytes(text);

    /// <summary>Makes sure that there is a folder that can be written to; throws <see cref="ReportException"/> where there cannot be one.</summary>
    internal static void Create(string folder) => Attempt(folder, () =>
    {
        Directory.CreateDirectory(folder);
        var probe = Path.Combine(folder, $".write-test-{Environment.ProcessId}");
        File.WriteAllText(probe, "");
        File.Delete(probe);
    });

    /// <summary>Puts a file in place as a whole; throws <see cref="ReportException"/> where it cannot be written.</summary>
    internal static void Replace(string path, string text) => Attempt(path, () =>
    {
        var draft = path + ".new";
        File.WriteAllBytes(draft, Encode(text));
        File.Move(draft, path, overwrite: true);
    });

    /// <summary>Puts a file into a folder that may not be there yet; throws as <see cref="Replace"/> does.</summary>
    internal static void Save(string path, string text)
    {
        Attempt(path, () => Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!));
        Replace(path, text);
    }

    /// <summary>Writes; what goes wrong is a <see cref="ReportException"/> that names <paramref name="path"/>.</summary>
    internal static void Attempt(string path, Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ReportException($"cannot write the report {path}: {e.Message}", e);
        }
    }
}
