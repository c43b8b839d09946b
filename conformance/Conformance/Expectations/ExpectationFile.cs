using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Files;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Expectations;

/// <summary>Reads an expectations file: entries of the keys check, verdict, target, version, configuration, feature, reason, url, expires and actual.</summary>
internal static class ExpectationFile
{
    private static readonly string[] Keys = ["check", "verdict", "target", "version", "configuration", "feature", "reason", "url", "expires", "actual"];
    private static readonly Verdict[] Pinnable = [Verdict.Fail, Verdict.Warn, Verdict.Crash, Verdict.Timeout, Verdict.NotApplicable];

    /// <summary>Reads a file; throws <see cref="ExpectationFormatException"/> with file, line and cause.</summary>
    public static IReadOnlyList<Expectation> Load(string path) => [.. EntryFile.Load(path, Keys).Select(Read)];

    /// <summary>Reads the text of a file that errors call <paramref name="name"/>.</summary>
    public static IReadOnlyList<Expectation> Parse(string name, string text) => [.. EntryFile.Parse(name, text, Keys).Select(Read)];

    private static Expectation Read(FileEntry entry)
    {
        var check = new Glob(entry.Required("check"));
        return new(check, entry.Read("verdict", VerdictOf), entry.Required("reason"), entry.Required("url"))
        {
            Where = entry.Where,
            Target = entry.Optional("target", text => new Glob(text)),
            Version = entry.Optional("version", text => new VersionCondition(text)),
            Configuration = entry.Optional("configuration", text => new ConfigurationCondition(text)),
            Feature = entry.Optional("feature", text => new FeatureCondition(text)),
            Expires = entry.Date("expires"),
            Actual = entry.Optional("actual", text => text),
        };
    }

    private static Verdict VerdictOf(string text) =>
        Pinnable.Where(v => v.Name() == text).Select(v => (Verdict?)v).FirstOrDefault()
        ?? throw new FormatException($"'{ForeignText.Shorten(text)}' is no verdict to expect; there are {string.Join(", ", Pinnable.Select(v => v.Name()))}");
}
