namespace Viommu.Conformance.Watching.Traces;

/// <summary>
/// A recorded trace of a driver and its device, of either kind that can be imported: byte-exact (<see cref="RawTrace"/>), or the trace
/// events of QEMU (<see cref="QemuTrace"/>). The first line that is not empty tells which.
/// </summary>
public static class TraceFile
{
    /// <summary>The name of a trace without its extensions.</summary>
    public static string NameOf(string path)
    {
        var name = Path.GetFileName(path);
        foreach (var extension in (string[])[".gz", ".jsonl", ".log"]) name = name.EndsWith(extension, StringComparison.Ordinal) ? name[..^extension.Length] : name;
        return name;
    }

    /// <summary>Tells <paramref name="see"/> what was recorded; throws <see cref="TraceFormatException"/> where the file is not a trace, at the first line that is not one.</summary>
    public static void Replay(string path, Action<Observation> see)
    {
        var name = Path.GetFileName(path);
        ITraceParser? parser = null;
        long last = 0;
        foreach (var (number, text) in TraceLines.Read(path))
        {
            last = number;
            if (string.IsNullOrWhiteSpace(text)) continue;
            if (parser is null)
            {
                parser = text.AsSpan().TrimStart().StartsWith("{") ? new RawTrace(see) : new QemuTrace(see);
                see(new SessionStarted(name, parser.Transport, parser.Sees));
            }
            try
            {
                parser.Line(text, $"{name}:{number}");
            }
            catch (FormatException problem)
            {
                throw new TraceFormatException(path, number, problem.Message);
            }
        }
        if (parser is null) throw new TraceFormatException(path, "the file is empty");
        if (parser.Recognised == 0) throw new TraceFormatException(path, last, "the file ends without a single line of a trace: neither JSON records nor virtio_iommu_* events");
        see(new SessionEnded());
    }
}

/// <summary>Understands the lines of one kind of trace.</summary>
internal interface ITraceParser
{
    /// <summary>How the device is reached.</summary>
    WatchedTransport Transport { get; }

    /// <summary>What this kind of trace shows.</summary>
    Sight Sees { get; }

    /// <summary>How many lines meant something.</summary>
    long Recognised { get; }

    /// <summary>Takes in a line that is not empty; throws <see cref="FormatException"/> where it is not what it has to be.</summary>
    void Line(string text, string where);
}
