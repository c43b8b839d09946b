using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Corpora;

/// <summary>An input as a file keeps it: in the format of its target where what is read again does the same, else as its bytes.</summary>
/// <param name="Extension">Extension of the file, with the dot.</param>
/// <param name="Content">What is in the file.</param>
/// <param name="Input">The input as it is read again.</param>
internal sealed record FileForm(string Extension, byte[] Content, byte[] Input)
{
    /// <summary>The name of the file, which depends on nothing but the input that is read from it.</summary>
    public string Name => CorpusFolder.NameOf(Input);

    public static FileForm Of(IInputFormat format, byte[] input)
    {
        var content = format.ToFile(input);
        var again = format.FromFile(content);
        return format.AreSame(input, again) ? new(format.Extension, content, again) : new(RawFormat.Instance.Extension, input, input);
    }
}
