using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Tests.Corpora;

public sealed class CorpusFolderTests : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"corpus-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void What_is_written_is_read()
    {
        using var folder = CorpusFolder.Open(_folder, RawFormat.Instance);
        folder.Write([[1, 2, 3], [4]]);
        Assert.Null(folder.Trouble);
        Assert.Equal([1, 4], Read().Select(input => (int)input[0]).Order());
    }

    [Fact]
    public void What_cannot_be_written_is_kept_and_written_once_it_can_be()
    {
        using var folder = CorpusFolder.Open(_folder, RawFormat.Instance);
        Directory.Delete(_folder, recursive: true);
        folder.Write([[1], [2]]);
        Assert.NotNull(folder.Trouble);
        Assert.Equal(2, folder.Unwritten);

        Directory.CreateDirectory(_folder);
        folder.Write([[3]]);
        Assert.Null(folder.Trouble);
        Assert.Equal(3, Read().Count);
    }

    [Fact]
    public void The_same_input_is_one_file()
    {
        using var folder = CorpusFolder.Open(_folder, RawFormat.Instance);
        folder.Write([[1], [1]]);
        Assert.Single(Read());
    }

    [Fact]
    public void An_input_and_what_is_read_of_its_file_are_one_file()
    {
        var format = TargetList.Find("request").Format;
        using var folder = CorpusFolder.Open(_folder, format);
        // What is not sent of the bytes of a request does not count.
        folder.Write([[4, 4, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]]);
        folder.Write(CorpusFolder.Read(_folder, format, message => Assert.Fail(message)).Select(stored => stored.Input).ToList());
        Assert.Single(Directory.GetFiles(_folder, "*" + format.Extension));
    }

    [Fact]
    public void What_a_killed_run_has_half_written_is_no_input()
    {
        Directory.CreateDirectory(_folder);
        File.WriteAllBytes(Path.Combine(_folder, "half.bin.tmp"), [1]);
        using var folder = CorpusFolder.Open(_folder, RawFormat.Instance);
        Assert.Empty(Read());
        Assert.Empty(Directory.GetFiles(_folder, "*.tmp"));
    }

    [Fact]
    public void A_file_that_is_no_input_is_named_and_left_alone()
    {
        Directory.CreateDirectory(_folder);
        string bad = Path.Combine(_folder, "bad.even");
        File.WriteAllBytes(bad, [1]);
        File.WriteAllBytes(Path.Combine(_folder, "good.even"), [2, 2]);
        var complaints = new List<string>();
        Assert.Equal([2, 2], Assert.Single(CorpusFolder.Read(_folder, new EvenFormat(), complaints.Add)).Input);
        Assert.Contains("bad.even", Assert.Single(complaints));
        Assert.True(File.Exists(bad));
    }

    private List<byte[]> Read() => [.. CorpusFolder.Read(_folder, RawFormat.Instance, message => Assert.Fail(message)).Select(stored => stored.Input)];

    private sealed class EvenFormat : IInputFormat
    {
        public string Extension => ".even";

        public byte[] ToFile(ReadOnlySpan<byte> input) => input.ToArray();

        public bool AreSame(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other) => one.SequenceEqual(other);

        public byte[] FromFile(ReadOnlySpan<byte> file) => file.Length % 2 == 0 ? file.ToArray() : throw new FormatException("an odd number of bytes");
    }
}
