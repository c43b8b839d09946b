using System.Text;
using System.Text.Json;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Engine.Campaigns;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Expectations;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Reports;

/// <summary>
/// What a campaign leaves behind: <c>stats.ndjson</c>, one object a second; <c>findings/</c>, an input and its story for each finding;
/// <c>junit.xml</c>, <c>findings.sarif</c> and <c>summary.md</c> for CI systems. In a folder that an earlier campaign has left it goes on.
/// </summary>
internal sealed class CampaignReport : IDisposable
{
    private const string Statistics = "stats.ndjson";

    private readonly string _folder;
    private readonly TargetInfo _target;
    private readonly string _device;
    private readonly ulong _seed;
    private readonly Func<string, Finding?> _replay;
    private readonly StatisticsFile _statistics;
    private readonly Dictionary<string, ReportedFinding> _found = [];

    /// <param name="folder">Where all of it goes.</param>
    /// <param name="target">The fuzz target.</param>
    /// <param name="device">The device, as <c>--device</c> takes it.</param>
    /// <param name="seed">The seed of the campaign.</param>
    /// <param name="replay">What the input in a file breaks now, wherever the process that tries it ends.</param>
    public CampaignReport(string folder, TargetInfo target, string device, ulong seed, Func<string, Finding?> replay)
    {
        _folder = folder;
        _target = target;
        _device = device;
        _seed = seed;
        _replay = replay;
        try
        {
            Directory.CreateDirectory(FindingsFolder);
            _statistics = StatisticsFile.Open(Path.Combine(folder, Statistics));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException($"cannot write the report folder {folder}: {e.Message}", e);
        }
    }

    /// <summary>True where a campaign has its files in a folder.</summary>
    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, Statistics));

    /// <summary>What is known of the device.</summary>
    public KnownFindings Known { get; init; } = KnownFindings.None;

    /// <summary>True where what is known has to come up.</summary>
    public bool IsStrict { get; init; }

    /// <summary>Where findings are.</summary>
    public string FindingsFolder => Path.Combine(_folder, "findings");

    /// <summary>Why something could not be written; null where everything was.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Executions a second since the last object.</summary>
    public double Rate => _statistics.Rate;

    /// <summary>The findings of this run, one of each key, in the order in which they came.</summary>
    public IReadOnlyCollection<ReportedFinding> Found => _found.Values;

    /// <summary>Adds an object to the statistics, and writes findings that are new.</summary>
    public void Tick(Campaign campaign)
    {
        Trouble = _statistics.TryAdd(campaign.Elapsed.TotalSeconds, campaign.Snapshot);
        foreach (var found in campaign.Findings)
        {
            string? trouble = Write(found);
            Trouble ??= trouble;
        }
    }

    /// <summary>Writes a finding; a shorter input of the same finding takes the place of a longer one. What went wrong, or null.</summary>
    public string? Write(FoundInput found) => Write(found, _seed);

    /// <summary>Writes a finding of an earlier campaign, whose seed nobody knows.</summary>
    public string? WriteLeftOver(FoundInput found) => Write(found, null);

    /// <summary>Keeps the input on which the harness failed, and where; the file, or null where it could not be written.</summary>
    public string? WriteHarnessFailure(HarnessException failure)
    {
        var form = FileForm.Of(_target.Format, [.. failure.Input]);
        string file = Path.Combine(_folder, "harness-failure" + form.Extension);
        string? trouble = CorpusFolder.TryWrite(file, form.Content) ?? TryWrite("harness-failure.txt", failure.Details + "\n");
        Trouble ??= trouble;
        return trouble is null ? file : null;
    }

    /// <summary>What the run has come to.</summary>
    public CampaignOutcome Outcome(Campaign? campaign) => new(_target.Name, _device, _seed, Found)
    {
        Figures = campaign is null ? null : (campaign.Snapshot, campaign.Elapsed),
        Complaints = Known.Complaints,
        Unseen = Known.Unseen([.. Found.Select(found => found.Finding.Key)]),
        IsStrict = IsStrict,
    };

    /// <summary>Writes what CI systems and their users read; what went wrong, or null.</summary>
    public string? WriteSummaries(Campaign? campaign = null)
    {
        var outcome = Outcome(campaign);
        return TryWrite("junit.xml", FindingFiles.JUnit(outcome)) ?? TryWrite("findings.sarif", FindingFiles.Sarif(outcome)) ?? TryWrite("summary.md", CampaignSummary.Render(outcome));
    }

    /// <inheritdoc/>
    public void Dispose() => _statistics.Dispose();

    private string? TryWrite(string name, string text) => CorpusFolder.TryWrite(Path.Combine(_folder, name), Encoding.UTF8.GetBytes(text));

    private string? Write(FoundInput found, ulong? seed)
    {
        string key = found.Finding.Key.ToString();
        bool isTold = found.Finding.Story is not null;
        if (_found.TryGetValue(key, out var known) && known.File is not null && known.Length <= found.Input.Length && (!isTold || known.Finding.Story is not null)) return null;
        if (known is null && FindEarlier(found) is { } earlier)
        {
            _found[key] = earlier with { Known = Known.Find(found.Finding.Key) };
            return null;
        }

        string name = found.Finding.Key.FileName;
        string path = Path.Combine(FindingsFolder, name);
        var form = FileForm.Of(_target.Format, found.Input);
        string file = path + form.Extension;
        // What another process has told of it is in the details.
        var story = seed is null && found.Finding.Details.Length > 0 ? null : FindingStory.Of(_target, found.Input, found.Finding.Key, found.Finding.Story);
        var original = found.Finding.Original is { } before ? FileForm.Of(_target.Format, before) : null;
        var record = new FindingRecord(key, _target.Name, _device, seed, found.Finding.Message, found.Finding.Details, Path.GetFileName(file))
        {
            Original = original is null ? null : $"{name}.original{original.Extension}",
            Story = story,
        };
        string? trouble = (original is null ? null : CorpusFolder.TryWrite($"{path}.original{original.Extension}", original.Content))
            ?? CorpusFolder.TryWrite(file, form.Content)
            ?? CorpusFolder.TryWrite(path + ".json", JsonSerializer.SerializeToUtf8Bytes(record, FindingRecord.Options));
        if (trouble is null || known?.File is null) _found[key] = new(found.Finding, found.Input.Length, trouble is null ? file : null, story) { Known = Known.Find(found.Finding.Key) };
        // The same finding, when it had no words yet, or only now has none.
        if (trouble is null && known?.File is { } replaced && replaced != file) File.Delete(replaced);
        return trouble;
    }

    // What an earlier campaign has found on the same device in as short an input; the device may be another one by now, so it has to be there still.
    private ReportedFinding? FindEarlier(FoundInput found)
    {
        string path = Path.Combine(FindingsFolder, found.Finding.Key.FileName + ".json");
        try
        {
            if (!File.Exists(path) || JsonSerializer.Deserialize<FindingRecord>(File.ReadAllBytes(path), FindingRecord.Options) is not { Input: not null } record) return null;
            string file = Path.Combine(FindingsFolder, record.Input);
            if (record.Key != found.Finding.Key.ToString() || record.Target != _target.Name || record.Device != _device || !File.Exists(file)) return null;
            if (CorpusFolder.TryRead(file, _target.Format, _ => { }) is not { } input || input.Length > found.Input.Length) return null;
            return _replay(file)?.Key == found.Finding.Key ? new(found.Finding with { Message = record.Message, Story = record.Story is null ? null : new() }, input.Length, file, record.Story) : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or CorpusException)
        {
            // What cannot be read or tried again is no better than what there is now.
            return null;
        }
    }
}
