using System.IO.Compression;
using System.Text.Json;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Recorded;
using Viommu.Conformance.Reports;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Certifying;

/// <summary>
/// A run as one file to hand in: its reports, the expectations that it was held against, and a manifest that binds them together. Whether it
/// still holds together can be told from the file alone; who made it cannot, so its own hash is what has to be published or signed.
/// </summary>
internal static class Bundle
{
    private const string Results = "results.json";
    private const string Expectations = "expectations.yaml";
    private const int MostFiles = 32;
    private const int MostBytes = 64 << 20;

    private static readonly DateTimeOffset ZipEpoch = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Writes the bundle of a run that is over; throws <see cref="ReportException"/> where it cannot be written.</summary>
    public static void Write(string path, RunSnapshot run, IReadOnlyList<IReport> reports, string? expectationsFile, DateTimeOffset made) =>
        ReportFolder.Attempt(path, () =>
        {
            List<(string Name, byte[] Bytes)> files = [.. reports.Select(r => (r.FileName, ReportFolder.Encode(r.Render(run))))];
            if (expectationsFile is not null) files.Add((Expectations, File.ReadAllBytes(expectationsFile)));
            files.Insert(0, (Manifest.FileName, Manifest.Of(run, made, files).ToJson()));
            var draft = path + ".new";
            using (var zip = new ZipArchive(File.Create(draft), ZipArchiveMode.Create))
            {
                foreach (var (name, bytes) in files)
                {
                    var entry = zip.CreateEntry(name);
                    entry.LastWriteTime = ZipEpoch; // the same files make the same bundle
                    using var content = entry.Open();
                    content.Write(bytes);
                }
            }
            File.Move(draft, path, overwrite: true);
        });

    /// <summary>
    /// What does not hold together in a bundle, a sentence each; nothing where it does. Throws <see cref="ResultsFormatException"/> where the
    /// file is no bundle at all.
    /// </summary>
    public static Verification Verify(string path, IReadOnlyList<Check> checks, ClauseCatalogue catalogue, NotTested notTested)
    {
        var files = Unpack(path);
        if (!files.TryGetValue(Manifest.FileName, out var json)) throw new ResultsFormatException($"{path}: no bundle: there is no {Manifest.FileName} in it");
        Manifest manifest;
        try
        {
            manifest = Manifest.Parse(json);
        }
        catch (JsonException e)
        {
            throw new ResultsFormatException($"{path}: {Manifest.FileName}:{e.LineNumber + 1}: {e.Message.Split(" Path:")[0]}", e);
        }
        if (manifest.Schema != Manifest.CurrentSchema) throw new ResultsFormatException($"{path}: manifest of schema {manifest.Schema}, only {Manifest.CurrentSchema} is known here");
        if (!files.TryGetValue(Results, out var results)) throw new ResultsFormatException($"{path}: no bundle: there is no {Results} in it");

        var run = ResultsFile.Parse(path, results, $"{path}: {Results}");
        List<string> problems = [.. Unlike(manifest, files), .. Contradictions(manifest, run)];
        if (problems.Count == 0 && manifest.ToolSha256 == Manifest.ToolHash) problems.AddRange(Underived(run, checks, catalogue, notTested));
        return new(manifest, run, problems);
    }

    private static IEnumerable<string> Unlike(Manifest manifest, Dictionary<string, byte[]> files)
    {
        foreach (var file in manifest.Files)
        {
            if (!files.TryGetValue(file.Name, out var bytes)) yield return $"{file.Name} is missing";
            else if (bytes.Length != file.Bytes || Manifest.Hash(bytes) != file.Sha256) yield return $"{file.Name} is not the file that the manifest names";
        }
        foreach (var name in files.Keys.Except(manifest.Files.Select(f => f.Name)).Where(name => name != Manifest.FileName))
            yield return $"{name} is not in the manifest";
    }

    private static IEnumerable<string> Contradictions(Manifest manifest, RecordedRun run)
    {
        if (manifest.Target != run.Target.ToString()) yield return $"the manifest says {manifest.Target}, the results {run.Target}";
        if (manifest.Seed != run.Seed) yield return FormattableString.Invariant($"the manifest says seed {manifest.Seed}, the results {run.Seed}");
        if (manifest.Spec != run.Spec.Name()) yield return $"the manifest says virtio {manifest.Spec}, the results {run.Spec.Name()}";
        if (manifest.Tool != run.Tool) yield return $"the manifest says tool {manifest.Tool}, the results {run.Tool}";
        if (!run.Over) yield return "the run was not over";
        var counted = run.Checks.GroupBy(c => c.Verdict).ToDictionary(g => g.Key.Name(), g => (ulong)g.Count());
        if (!counted.OrderBy(c => c.Key, StringComparer.Ordinal).SequenceEqual(run.Summary.OrderBy(c => c.Key, StringComparer.Ordinal)))
            yield return "the summary of the results does not count their checks";
    }

    /// <summary>This very program made the bundle, so from its checks it must come to the same clauses and exit code.</summary>
    private static IEnumerable<string> Underived(RecordedRun run, IReadOnlyList<Check> checks, ClauseCatalogue catalogue, NotTested notTested)
    {
        var again = RecordedRun.Of(run.Name, MergedRun.Of([run], checks, catalogue, notTested));
        foreach (var (recorded, derived) in run.Clauses.Zip(again.Clauses).Where(pair => (pair.First.Id, pair.First.Verdict) != (pair.Second.Id, pair.Second.Verdict)))
            yield return $"clause {recorded.Id} is {recorded.Verdict.Name()}, its checks make {derived.Id} {derived.Verdict.Name()}";
        if (run.Clauses.Count != again.Clauses.Count) yield return "the results do not have the clauses of the catalogue";
    }

    private static Dictionary<string, byte[]> Unpack(string path)
    {
        try
        {
            using var zip = ZipFile.OpenRead(path);
            if (zip.Entries.Count > MostFiles) throw new ResultsFormatException($"{path}: no bundle: more than {MostFiles} files");
            var files = new Dictionary<string, byte[]>();
            foreach (var entry in zip.Entries)
            {
                if (entry.FullName != entry.Name || entry.Name.Length == 0 || !files.TryAdd(entry.Name, Read(path, entry)))
                    throw new ResultsFormatException($"{path}: no bundle: '{PlainText.Shown(entry.FullName)}' has no place in it");
            }
            return files;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or ArgumentException or NotSupportedException)
        {
            throw new ResultsFormatException($"{path}: cannot be read as a bundle: {e.Message}", e);
        }
    }

    /// <summary>An entry's bytes; what it says of its own size is not believed.</summary>
    private static byte[] Read(string path, ZipArchiveEntry entry)
    {
        using var content = entry.Open();
        using var bytes = new MemoryStream();
        var chunk = new byte[1 << 16];
        for (int length; (length = content.Read(chunk)) > 0; bytes.Write(chunk, 0, length))
        {
            if (bytes.Length > MostBytes) throw new ResultsFormatException($"{path}: no bundle: '{PlainText.Shown(entry.Name)}' is longer than {MostBytes >> 20} MiB");
        }
        return bytes.ToArray();
    }
}

/// <summary>What came of looking at a bundle.</summary>
/// <param name="Manifest">What it says of itself.</param>
/// <param name="Run">The run in it.</param>
/// <param name="Problems">What does not hold together.</param>
internal sealed record Verification(Manifest Manifest, RecordedRun Run, IReadOnlyList<string> Problems)
{
    /// <summary>True where this very program made it.</summary>
    public bool IsByThisTool => Manifest.ToolSha256 == Certifying.Manifest.ToolHash;
}
