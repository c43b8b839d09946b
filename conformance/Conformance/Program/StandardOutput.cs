using System.Text;

namespace Viommu.Conformance.Program;

/// <summary>Standard output, whose refusals are told from those of files: throws <see cref="OutputException"/>.</summary>
internal sealed class StandardOutput(TextWriter inner) : TextWriter
{
    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => Attempt(() => inner.Write(value));

    public override void Write(string? value) => Attempt(() => inner.Write(value));

    public override void Write(char[] buffer, int index, int count) => Attempt(() => inner.Write(buffer, index, count));

    public override void Flush() => Attempt(inner.Flush);

    private static void Attempt(Action write)
    {
        try
        {
            write();
        }
        catch (IOException refusal)
        {
            throw new OutputException(refusal);
        }
    }
}
