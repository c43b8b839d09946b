using System.Diagnostics;
using System.Globalization;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Targets;
using Xunit.Abstractions;

namespace Viommu.Fuzz.Tests.Program;

/// <summary>
/// Campaigns on a disk that is full: a small file system where one can be mounted, which takes root; elsewhere a limit on the size of files,
/// at which writes fail in the same way. Which of the two it was the output of the test says.
/// </summary>
public sealed class FullDiskTests : IDisposable
{
    private readonly FuzzRun _fuzz = new();
    private readonly ITestOutputHelper _output;
    private readonly string _disk;
    private readonly bool _isMounted;

    public FullDiskTests(ITestOutputHelper output)
    {
        _output = output;
        _disk = _fuzz.PathOf("disk");
        Directory.CreateDirectory(_disk);
        _isMounted = OperatingSystem.IsLinux() && Mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", _disk);
        _output.WriteLine(_isMounted ? "on a file system of 64 KiB" : "with a limit on the size of files");
    }

    public void Dispose()
    {
        if (_isMounted) Execute("umount", _disk);
        _fuzz.Dispose();
    }

    [Fact]
    public void What_finds_no_room_is_said_and_nothing_that_was_written_is_lost()
    {
        string[] args = ["run", "request", "--seed", "7", "--report", _fuzz.PathOf("reports"), "--corpus", _disk];
        if (_isMounted)
        {
            Assert.Equal(2, _fuzz.Run([.. args, "--runs", "4000"]));
            Assert.Matches("^fuzz: cannot write .*; [1-9][0-9]* inputs are not written\n$", _fuzz.Error);
            Assert.True(Mount("-o", "remount,size=16m", _disk));
        }
        else
        {
            // Statistics grow beyond that in some seconds; inputs do not.
            using var limited = FuzzProcess.StartWithFilesOf(1, [.. args, "--time", "15"]);
            Assert.Equal(2, limited.Wait());
            Assert.StartsWith("fuzz: cannot write", limited.Error);
        }

        var left = Inputs();
        Assert.NotEmpty(left);
        Assert.Equal(0, _fuzz.Run([.. args, "--runs", "4000"]));
        Assert.Equal("", _fuzz.Error);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"{left.Count} inputs from"), _fuzz.Output);
        Assert.Subset(Inputs(), left);
        if (_isMounted) Assert.NotEqual(left.Count, Inputs().Count);
    }

    [Fact]
    public void A_campaign_that_cannot_even_keep_notes_says_so_in_one_line()
    {
        if (_isMounted)
        {
            using (var filler = File.Create(Path.Combine(_disk, "filler"))) Assert.ThrowsAny<IOException>(() => Fill(filler));
            Assert.Equal(2, _fuzz.Run("run", "request", "--seed", "7", "--runs", "4000", "--report", Path.Combine(_disk, "reports")));
            Assert.Matches("^fuzz: cannot .*\n$", _fuzz.Error);
        }
        else
        {
            using var limited = FuzzProcess.StartWithFilesOf(0, "run", "request", "--seed", "7", "--runs", "4000", "--report", _disk);
            Assert.Equal(2, limited.Wait());
            Assert.Matches("^fuzz: cannot .*\n$", limited.Error);
        }
    }

    private HashSet<string> Inputs() =>
        [.. CorpusFolder.Read(_disk, TargetList.Find("request").Format, message => Assert.Fail(message)).Select(stored => CorpusFolder.NameOf(stored.Input))];

    private static void Fill(FileStream file)
    {
        for (int i = 0; i < 64; i++)
        {
            file.Write(new byte[4096]);
            file.Flush();
        }
    }

    private static bool Mount(params string[] args) => Execute("mount", args);

    private static bool Execute(string program, params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
