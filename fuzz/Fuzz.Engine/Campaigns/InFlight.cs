using System.Globalization;
using System.IO.MemoryMappedFiles;

namespace Viommu.Fuzz.Engine.Campaigns;

/// <summary>
/// The input that a job is running, in a file that outlives the process: what killed it, or never came back, can still be named. The system
/// keeps the file's pages, so that it costs a copy of the input and nothing else.
/// </summary>
internal sealed unsafe class InFlight : IDisposable
{
    private const int HeaderSize = 8;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly int _capacity;
    private readonly byte* _first;

    public InFlight(string folder, int job, int capacity)
    {
        _capacity = capacity;
        // Written, not only as long as that: where the disk is full that is an error here, and not a signal at the first note.
        File.WriteAllBytes(PathOf(folder, job), new byte[HeaderSize + capacity]);
        _file = MemoryMappedFile.CreateFromFile(PathOf(folder, job), FileMode.Open);
        _view = _file.CreateViewAccessor();
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _first);
    }

    /// <summary>True between <see cref="Begin"/> and <see cref="End"/>.</summary>
    public bool IsInside => Volatile.Read(ref *(int*)_first) != 0;

    /// <summary>The input runs from here on.</summary>
    public void Begin(ReadOnlySpan<byte> input)
    {
        int length = Math.Min(input.Length, _capacity);
        *(int*)(_first + sizeof(int)) = length;
        input[..length].CopyTo(new Span<byte>(_first + HeaderSize, length));
        Volatile.Write(ref *(int*)_first, 1);
    }

    /// <summary>The input has come back.</summary>
    public void End() => Volatile.Write(ref *(int*)_first, 0);

    /// <summary>The input that is running, or ran last.</summary>
    public byte[] Input => new Span<byte>(_first + HeaderSize, *(int*)(_first + sizeof(int))).ToArray();

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    /// <summary>The inputs that a campaign in this folder was running when its process ended.</summary>
    public static IReadOnlyList<LeftOverInput> LeftOver(string folder)
    {
        var inputs = new List<LeftOverInput>();
        foreach (var path in Directory.EnumerateFiles(folder, "inflight-*").Order(StringComparer.Ordinal))
        {
            var content = File.ReadAllBytes(path);
            if (content.Length < HeaderSize || BitConverter.ToInt32(content) == 0) continue;
            int length = Math.Clamp(BitConverter.ToInt32(content, sizeof(int)), 0, content.Length - HeaderSize);
            inputs.Add(new(content[HeaderSize..(HeaderSize + length)], path));
        }

        return inputs;
    }

    private static string PathOf(string folder, int job) => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"inflight-{job}"));
}
