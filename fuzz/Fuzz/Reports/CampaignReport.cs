using System.Globalization;
using System.Text.Json;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine.Campaigns;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Reports;

/// <summary>
/// What a campaign leaves behind: <c>stats.ndjson</c>, one object a second; <c>findings/</c>, an input and its story for each finding;
/// <c>junit.xml</c> and <c>findings.sarif</c> for CI systems.
/// </summary>
internal sealed class CampaignReport : IDisposable
{
    private readonly string _folder;
    private readonly TargetInfo _target;
    private readonly StreamWriter _statistics;
    private readonly Dictionary<string, int> _written = [];
    private double _lastSeconds;
    private long _lastExecutions;

    public CampaignReport(string folder, TargetInfo target)
    {
        _folder = folder;
        _target = target;
        try
        {
            Directory.CreateDirectory(FindingsFolder);
            _statistics = new(new FileStream(Path.Combine(folder, "stats.ndjson"), FileMode.Create, FileAccess.Write, FileShare.Read)) { AutoFlush = true };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException($"cannot write the report folder {folder}: {e.Message}", e);
        }
    }

    /// <summary>Where findings are.</summary>
    public string FindingsFolder => Path.Combine(_folder, "findings");

    /// <summary>Why something could not be written; null where everything was.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Executions a second since the last object.</summary>
    public double Rate { get; private set; }

    /// <summary>Adds an object to the statistics, and writes findings that are new.</summary>
    public void Tick(Campaign campaign)
    {
        var now = campaign.Snapshot;
        double seconds = campaign.Elapsed.TotalSeconds;
        double passed = seconds - _lastSeconds;
        Rate = passed > 0.01 ? (now.Executions - _lastExecutions) / passed : Rate;
        (_lastSeconds, _lastExecutions) = (seconds, now.Executions);
        Trouble = null;
        try
        {
            _statistics.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{{\"seconds\":{seconds:0.000},\"execs\":{now.Executions},\"execs_per_sec\":{Rate:0},\"operations\":{now.Operations},\"corpus\":{now.Corpus},\"edges\":{now.Edges},\"states\":{now.States},\"findings\":{now.Findings}}}"));
        }
        catch (IOException e)
        {
            Trouble = $"cannot write the statistics: {e.Message}";
        }

        foreach (var found in campaign.Findings) Write(found);
    }

    /// <summary>Writes a finding; a shorter input of the same finding takes the place of a longer one.</summary>
    public void Write(FoundInput found)
    {
        string name = found.Finding.Key.FileName;
        if (_written.TryGetValue(name, out int length) && length <= found.Input.Length) return;
        string path = Path.Combine(FindingsFolder, name);
        Trouble ??= CorpusFolder.TryWrite(path + _target.Format.Extension, _target.Format.ToFile(found.Input));
        Trouble ??= CorpusFolder.TryWrite(path + ".json", JsonSerializer.SerializeToUtf8Bytes(new FindingRecord(
            found.Finding.Key.ToString(), _target.Name, found.Finding.Message, found.Finding.Details, name + _target.Format.Extension), FindingRecord.Options));
        if (Trouble is null) _written[name] = found.Input.Length;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            _statistics.Dispose();
        }
        catch (IOException e)
        {
            Trouble = $"cannot write the statistics: {e.Message}";
        }
    }
}
