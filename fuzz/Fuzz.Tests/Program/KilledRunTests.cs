using System.Diagnostics;
using System.Text.Json;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Program;

public sealed class KilledRunTests : IDisposable
{
    private readonly FuzzRun _fuzz = new();

    public void Dispose() => _fuzz.Dispose();

    [Fact]
    public void A_campaign_that_is_killed_leaves_whole_inputs_and_a_free_folder()
    {
        using var process = Process.Start(new ProcessStartInfo(
            "dotnet", [Path.Combine(AppContext.BaseDirectory, "fuzz.dll"), "run", "request", "--seed", "3", "--report", _fuzz.Folder])
        { RedirectStandardOutput = true })!;
        for (var patience = Stopwatch.StartNew(); Inputs() < 20; Thread.Sleep(50))
        {
            Assert.False(process.HasExited);
            Assert.True(patience.Elapsed < TimeSpan.FromMinutes(2), "no input was written");
        }

        Assert.Equal(2, _fuzz.Run("run", "request", "--runs", "1", "--report", _fuzz.Folder));
        Assert.Contains("in use by another run", _fuzz.Error);

        // The one that was refused has taken nothing away, and does not disturb the other.
        Assert.False(process.HasExited);

        process.Kill();
        process.WaitForExit();
        int left = Inputs();
        // What one second counts is written by the next, so that no more is lost than what came since.
        Assert.True(left >= CorpusOfLastWholeSecond(), $"{left} inputs are left of {CorpusOfLastWholeSecond()}");
        Assert.Equal(0, _fuzz.Run("run", "request", "--runs", "2000", "--report", _fuzz.Folder));
        Assert.Equal("", _fuzz.Error);
        Assert.Contains($"{left} inputs from", _fuzz.Output);
    }

    // What was being written when it was killed may be half a line.
    private int CorpusOfLastWholeSecond() => File.ReadAllLines(_fuzz.PathOf("stats.ndjson")).Where(line => line.EndsWith('}'))
        .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("corpus").GetInt32()).SkipLast(1).LastOrDefault();

    // Counted by reading them: half an input is none, and complained about.
    private int Inputs() => CorpusFolder.Read(_fuzz.PathOf("corpus"), TargetList.Find("request").Format, message => Assert.Fail(message)).Count();
}
