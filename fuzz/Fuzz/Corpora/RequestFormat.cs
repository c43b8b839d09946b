using System.Globalization;
using System.Text;
using Viommu.Conformance.Scripts;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Corpora;

/// <summary>One request as a script: what the machine is set up with, so that it runs anywhere, and the request as its last operation.</summary>
internal sealed class RequestFormat : IInputFormat
{
    private const int LongestReadable = 76;
    private const string Mark = "what is fuzzed";

    public static RequestFormat Instance { get; } = new();

    public string Extension => Script.Extension;

    public byte[] ToFile(ReadOnlySpan<byte> input)
    {
        var (bytes, writable, framing) = RequestTarget.Decode(input);
        var lines = SequenceFormat.ToScript(SequenceSeeds.Program([.. RequestTarget.SetUpRequests.Select(request => SequenceSeeds.Request(request))])).Lines.ToList();
        lines.Add(new CommentLine(Mark));
        // Scripts have no words for a request without a byte: nothing after the comment stands for it.
        if (bytes.Length + writable > 0) lines.Add(new BytesOperation(Convert.ToHexStringLower(bytes), writable) { Framing = FramingOf(framing, bytes.Length, writable) });
        return Encoding.UTF8.GetBytes(ScriptPrinter.Print(new Script(lines)));
    }

    public byte[] FromFile(ReadOnlySpan<byte> file)
    {
        Script script;
        try
        {
            script = ScriptParser.Parse("input", Encoding.UTF8.GetString(file));
        }
        catch (ScriptFormatException e)
        {
            throw new FormatException(e.Message, e);
        }

        if (script.Lines is [.., CommentLine { Text: Mark }]) return RequestTarget.Encode([], 0, Framing.Plain);
        if (script.Operations.LastOrDefault() is not BytesOperation last) throw new FormatException("the last operation is no request in bytes");
        var bytes = Convert.FromHexString(last.Hex);
        if (bytes.Length > LongestReadable) throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"the request has more than {LongestReadable} bytes"));
        var framing = last.Framing switch
        {
            { Indirect: > 0 } => Framing.Indirect,
            { Readable.Length: > 0 } => Framing.SplitReadable,
            { Writable.Length: > 0 } => Framing.SplitWritable,
            _ => Framing.Plain,
        };
        return RequestTarget.Encode(bytes, last.Writable, framing);
    }

    public bool AreSame(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other) => RequestTarget.AreSame(one, other);

    private static ScriptFraming FramingOf(Framing framing, int readable, int writable) => framing switch
    {
        Framing.SplitReadable => new((readable / 2).ToString(CultureInfo.InvariantCulture), "", 0),
        Framing.SplitWritable => new("", (writable / 2).ToString(CultureInfo.InvariantCulture), 0),
        Framing.Indirect => new("", "", 2),
        _ => ScriptFraming.Plain,
    };
}
