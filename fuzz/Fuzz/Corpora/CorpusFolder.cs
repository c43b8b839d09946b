using System.Globalization;
using System.Security.Cryptography;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Corpora;

/// <summary>
/// A folder of inputs, which one campaign writes to at a time. Files appear whole or not at all, so that a campaign can be killed at any
/// moment; what cannot be written is kept and tried again.
/// </summary>
internal sealed class CorpusFolder : IDisposable
{
    private const int NameLength = 16;

    private readonly IInputFormat _format;
    private readonly FileStream _lock;
    private readonly List<byte[]> _unwritten = [];

    private CorpusFolder(string path, IInputFormat format, FileStream locked)
    {
        Path = path;
        _format = format;
        _lock = locked;
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Why inputs are waiting to be written; null where none are.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Inputs that are waiting to be written.</summary>
    public int Unwritten => _unwritten.Count;

    /// <summary>Opens the folder, and makes it where it does not exist.</summary>
    /// <exception cref="CorpusException">It cannot be written, or another campaign has it.</exception>
    public static CorpusFolder Open(string path, IInputFormat format)
    {
        try
        {
            Directory.CreateDirectory(path);
            foreach (var left in Directory.EnumerateFiles(path, "*.tmp")) File.Delete(left);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException($"cannot use the corpus folder {path}: {e.Message}", e);
        }

        try
        {
            // The lock is the system's, and goes with the process that holds it, whatever ends that.
            return new(path, format, new FileStream(System.IO.Path.Combine(path, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException($"the corpus folder {path} is in use by another run, or cannot be written: {e.Message}", e);
        }
    }

    /// <summary>
    /// Reads the inputs of a folder, in the order of their names; what is none is told to <paramref name="complain"/>, in one line for all of it,
    /// and left where it is.
    /// </summary>
    public static IEnumerable<StoredInput> Read(string path, IInputFormat format, Action<string> complain)
    {
        if (!Directory.Exists(path)) yield break;
        var complaints = new List<string>();
        foreach (var file in Directory.EnumerateFiles(path).Where(file => IsInput(file, format)).Order(StringComparer.Ordinal))
        {
            if (TryRead(file, format, complaints.Add) is { } input) yield return new(file, input);
        }

        if (complaints.Count == 1) complain(complaints[0]);
        else if (complaints.Count > 1) complain(string.Create(CultureInfo.InvariantCulture, $"{complaints.Count} files of {path} are no inputs, and left alone; the first: {complaints[0]}"));
    }

    /// <summary>Reads one file; null where it is no input.</summary>
    public static byte[]? TryRead(string file, IInputFormat format, Action<string> complain)
    {
        try
        {
            var content = File.ReadAllBytes(file);
            // Raw inputs come from AFL++, and from findings of other targets.
            return file.EndsWith(format.Extension, StringComparison.Ordinal) ? format.FromFile(content) : content;
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            complain($"{file} is no input, and left alone: {e.Message}");
            return null;
        }
    }

    /// <summary>Writes inputs that are new, and those that could not be written before.</summary>
    public void Write(IEnumerable<byte[]> inputs)
    {
        _unwritten.AddRange(inputs);
        while (_unwritten.Count > 0)
        {
            var form = FileForm.Of(_format, _unwritten[^1]);
            Trouble = TryWrite(System.IO.Path.Combine(Path, form.Name + form.Extension), form.Content);
            if (Trouble is not null) return;
            _unwritten.RemoveAt(_unwritten.Count - 1);
        }

        Trouble = null;
    }

    /// <summary>Writes a file whole; what went wrong, or null.</summary>
    public static string? TryWrite(string path, ReadOnlySpan<byte> content)
    {
        string temporary = path + ".tmp";
        try
        {
            File.WriteAllBytes(temporary, content);
            File.Move(temporary, path, overwrite: true);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"cannot write {path}: {e.Message}";
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    /// <summary>The name that an input has in this folder, without its extension.</summary>
    public string NameInFolder(byte[] input) => FileForm.Of(_format, input).Name;

    /// <summary>The name of an input among others, which depends on nothing but its bytes.</summary>
    public static string NameOf(ReadOnlySpan<byte> input) => Convert.ToHexStringLower(SHA256.HashData(input))[..NameLength];

    private static bool IsInput(string file, IInputFormat format) =>
        file.EndsWith(format.Extension, StringComparison.Ordinal) || file.EndsWith(RawFormat.Instance.Extension, StringComparison.Ordinal);
}

/// <summary>An input and the file that it is in.</summary>
internal sealed record StoredInput(string File, byte[] Input);
