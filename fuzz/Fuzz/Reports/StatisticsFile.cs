using System.Text;
using System.Text.Json;
using Viommu.Fuzz.Engine.Campaigns;

namespace Viommu.Fuzz.Reports;

/// <summary><c>stats.ndjson</c>, one object a second. Seconds and executions go on from what earlier campaigns have written there.</summary>
internal sealed class StatisticsFile : IDisposable
{
    // Several times the longest line.
    private const int Tail = 4096;

    private static readonly JsonSerializerOptions _line = new(FindingRecord.Options) { WriteIndented = false };

    private readonly FileStream _file;
    private readonly Moment _before;
    private double _lastSeconds;
    private long _lastExecutions;

    private StatisticsFile(FileStream file, Moment before) => (_file, _before) = (file, before);

    /// <summary>Executions a second between the last two objects.</summary>
    public double Rate { get; private set; }

    /// <summary>Opens the file, or makes it.</summary>
    public static StatisticsFile Open(string path)
    {
        // Without a buffer: what a second has written is there, and what failed is not tried again at the end.
        var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        var tail = new byte[Math.Min(file.Length, Tail)];
        file.Seek(-tail.Length, SeekOrigin.End);
        file.ReadExactly(tail);
        // What a campaign that was killed has half written is no line.
        int end = Array.LastIndexOf(tail, (byte)'\n') + 1;
        file.SetLength(file.Length - tail.Length + end);
        file.Seek(0, SeekOrigin.End);
        return new(file, LastOf(tail.AsSpan(0, end)));
    }

    /// <summary>Adds an object for where a campaign stands after some seconds; what went wrong, or null.</summary>
    public string? TryAdd(double seconds, in CampaignSnapshot now)
    {
        double passed = seconds - _lastSeconds;
        // The end can come just after a second: so short a time says little, but of a campaign that is over by then it is all there is.
        if (passed > 0.01 || (_lastSeconds == 0 && passed > 0))
        {
            Rate = (now.Executions - _lastExecutions) / passed;
            (_lastSeconds, _lastExecutions) = (seconds, now.Executions);
        }

        var moment = new Moment(
            Math.Round(_before.Seconds + seconds, 3), _before.Execs + now.Executions, Math.Round(Rate), _before.Operations + now.Operations, now.Corpus, now.Edges, now.States, now.Findings);
        try
        {
            _file.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(moment, _line) + "\n"));
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"cannot write the statistics: {e.Message}";
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static Moment LastOf(ReadOnlySpan<byte> lines)
    {
        var last = lines.TrimEnd((byte)'\n');
        last = last[(last.LastIndexOf((byte)'\n') + 1)..];
        try
        {
            if (!last.IsEmpty && JsonSerializer.Deserialize<Moment>(last, _line) is { } moment) return moment;
        }
        catch (JsonException)
        {
            // Of what is no statistics nothing can be said but that it is none: 'fuzz stats' names it.
        }

        return new(0, 0, 0, 0, 0, 0, 0, 0);
    }
}
