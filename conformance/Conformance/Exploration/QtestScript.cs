using System.Diagnostics;
using System.Globalization;
using System.Text;
using Viommu.Conformance.Reports;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Conformance.Exploration;

/// <summary>
/// What was done to a QEMU as a file that shows it with nothing but QEMU: every line of qtest, comments that say what it is for and what was answered,
/// and in the head the command that runs it.
/// </summary>
/// <param name="transcript">What was done.</param>
/// <param name="head">What it shows, in a few lines.</param>
/// <param name="told">For each step its lines: what it is, what would be right, what came.</param>
/// <param name="end">What the process said where it did not survive; null where it did.</param>
internal sealed class QtestScript(QtestTranscript transcript, IReadOnlyList<string> head, IReadOnlyList<IReadOnlyList<string>> told, string? end)
{
    private const string Firmware = "halt.bin";

    // 0xf4 is HLT: the processor halts at its first instruction and stays quiet.
    private const string MakeFirmware = $"head -c 65536 /dev/zero | tr '\\0' '\\364' > {Firmware}";

    // How long a pause is, in seconds: on a machine that is busy a short one is too short.
    private static readonly double[] _pauses = [0.2, 1, 4];

    // Without its pauses.
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    // More than a line that a person looks at; the content of all memory that may be mapped is one.
    private const int LongLine = 2048;

    // What is read before the first step changes nothing and says nothing of it; that it can be left out the check proves.
    private readonly IReadOnlyList<QtestEntry> _all =
    [
        .. transcript.Entries.TakeWhile(entry => entry is not QtestStep).Where(entry => entry is not QtestCommand { Answer: not null }),
        .. transcript.Entries.SkipWhile(entry => entry is not QtestStep),
    ];

    private IReadOnlyList<QtestEntry> _entries = [];
    private double _pause = _pauses[0];

    private bool HasPauses => _entries.Any(entry => entry is QtestPause);

    private List<string> Answers => [.. _entries.OfType<QtestCommand>().Select(command => command.Answer).OfType<string>()];

    /// <summary>
    /// Writes the file, and runs it as its head says; null where QEMU gives the answers that it tells, else what is different. Memory that
    /// was filled before the first step is left out where it makes no difference. Throws <see cref="ReportException"/>.
    /// </summary>
    public string? Save(string path)
    {
        var steps = _all.TakeWhile(entry => entry is not QtestStep).Count();
        IReadOnlyList<QtestEntry> lean = [.. _all.Where((entry, index) => index >= steps || entry is not QtestCommand { Text.Length: > LongLine })];
        string? different = null;
        foreach (var pause in _pauses)
        {
            _pause = pause;
            if (Save(path, lean) is null || (different = Save(path, _all)) is null) return null;
            if (!HasPauses) break;
        }
        return different;
    }

    private string? Save(string path, IReadOnlyList<QtestEntry> entries)
    {
        _entries = entries;
        ReportFolder.Save(path, Print(Path.GetFileName(path)));
        return Check(Path.GetFullPath(path));
    }

    private string Print(string name)
    {
        var text = new StringBuilder();
        foreach (var line in head) Comment(text, line);
        Comment(text, "");
        Comment(text, "Nothing but QEMU is needed:");
        Comment(text, $"  {MakeFirmware}");
        Comment(text, $"  {Command(Quoted(name), Firmware)}");
        Comment(text, "");
        if (HasPauses) Comment(text, "'wait' is where a DMA or a reset needs a moment. Lines of comment must not reach QEMU.");
        Comment(text, "Each other line is answered OK, or OK and a value: '=' tells what was answered here.");
        Comment(text, "");
        Comment(text, "The machine is set up, and a driver started.");
        foreach (var entry in _entries)
        {
            switch (entry)
            {
                case QtestStep step:
                    Comment(text, "");
                    foreach (var line in step.Index < told.Count ? told[step.Index] : []) Comment(text, line);
                    break;
                case QtestPause:
                    Comment(text, "wait");
                    break;
                case QtestCommand command:
                    text.Append(command.Text).Append('\n');
                    if (command.Answer is { } answer) Comment(text, $"= {answer}");
                    break;
            }
        }
        Comment(text, "");
        if (end is null)
        {
            Comment(text, "The machine is powered off.");
            foreach (var line in transcript.PowerOff) text.Append(line).Append('\n');
        }
        else
        {
            Comment(text, "This is the end of the process:");
            foreach (var line in end.Split('\n')) Comment(text, $"  {line}");
        }
        return text.ToString();
    }

    private string? Check(string path)
    {
        var folder = Directory.CreateTempSubdirectory("qtest-");
        try
        {
            using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"{MakeFirmware} && {Command(Quoted(path), Firmware)}"])
            {
                WorkingDirectory = folder.FullName,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var errors = shell.StandardError.ReadToEndAsync();
            var output = shell.StandardOutput.ReadToEndAsync();
            var patience = _patience + TimeSpan.FromSeconds(_pause * _entries.Count(entry => entry is QtestPause));
            if (!WaitingTime.Wait(patience, shell.WaitForExit))
            {
                shell.Kill(entireProcessTree: true);
                if (end is null) return $"it has not ended within {patience.TotalSeconds:0} s";
            }
            return Difference(output.Result.Split('\n'), shell.ExitCode, errors.Result);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private string? Difference(string[] output, int exit, string errors)
    {
        const string Ok = "OK ";
        if (output.FirstOrDefault(line => line.StartsWith("FAIL", StringComparison.Ordinal)) is { } refusal) return $"QEMU answers '{refusal}'";
        List<string> got = [.. output.Where(line => line.StartsWith(Ok, StringComparison.Ordinal)).Select(line => line[Ok.Length..])];
        var wanted = Answers;
        for (var i = 0; i < wanted.Count; i++)
        {
            if (i >= got.Count) return $"QEMU answers {got.Count} reads of {wanted.Count}{Said(errors)}";
            if (got[i] != wanted[i]) return $"read {i + 1} is answered {got[i]}, and was {wanted[i]}";
        }
        return (end, exit) switch
        {
            (null, not 0) => $"QEMU ends with exit code {exit}{Said(errors)}",
            (not null, 0) => "QEMU survives it",
            _ => null,
        };
    }

    private static string Said(string errors) => errors.Trim() is { Length: > 0 } text ? $": {text.Split('\n')[^1]}" : "";

    private string Command(string file, string firmware)
    {
        var arguments = string.Join(' ', transcript.Arguments.Select(Quoted));
        var feed = HasPauses ? $"awk '/^# wait/ {{ fflush(); system(\"sleep {_pause.ToString(CultureInfo.InvariantCulture)}\") }} !/^#/' {file}" : $"grep -v '^#' {file}";
        return $"{feed} | {Quoted(transcript.Program)} {arguments} -bios {firmware} -qtest stdio -qtest-log none";
    }

    private static string Quoted(string word) =>
        word.All(letter => char.IsAsciiLetterOrDigit(letter) || "-_=,./:+@%".Contains(letter, StringComparison.Ordinal)) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static void Comment(StringBuilder text, string line) => text.Append(line.Length == 0 ? "#" : $"# {line}").Append('\n');
}
