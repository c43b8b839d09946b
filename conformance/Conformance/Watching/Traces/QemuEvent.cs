using System.Globalization;
using System.Text.RegularExpressions;

namespace Viommu.Conformance.Watching.Traces;

/// <summary>One trace event of QEMU, as its log backend writes it: a name, and its arguments in the words of QEMU's trace-events file.</summary>
/// <param name="Name">The name without <c>virtio_iommu_</c>.</param>
/// <param name="Arguments">What follows it.</param>
internal sealed partial record QemuEvent(string Name, string Arguments)
{
    private const string Prefix = "virtio_iommu_";

    /// <summary>Finds an event in a line; null where the line is something else, which other devices and QEMU itself print in between.</summary>
    public static QemuEvent? Find(string line)
    {
        // With -msg timestamp=on a line starts with the process id, '@' and the time.
        var text = Stamp().Replace(line, "", 1);
        if (!text.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        var end = text.IndexOf(' ', StringComparison.Ordinal);
        return end < 0 ? new QemuEvent(text[Prefix.Length..].TrimEnd(), "") : new QemuEvent(text[Prefix.Length..end], text[(end + 1)..]);
    }

    /// <summary>The number behind a name; throws <see cref="FormatException"/> where there is none that fits.</summary>
    public ulong Number(string name)
    {
        var at = Arguments.IndexOf(name + "=", StringComparison.Ordinal);
        if (at < 0) at = Arguments.IndexOf(name + " =", StringComparison.Ordinal);
        if (at < 0) throw new FormatException($"virtio_iommu_{Name} without '{name}='");
        var match = Value().Match(Arguments, Arguments.IndexOf('=', at) + 1);
        if (!match.Success) throw new FormatException($"virtio_iommu_{Name} with no number behind '{name}='");
        var text = match.Groups[1].Value;
        if (text.StartsWith("0x", StringComparison.Ordinal)
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
            : TryDecimal(text, out number)) return number;
        throw new FormatException($"virtio_iommu_{Name} with '{name}={text}', which is no number of 64 bits");
    }

    /// <summary>The same, as 32 bits: QEMU prints them with or without a sign.</summary>
    public uint Number32(string name)
    {
        var number = Number(name);
        if (number <= uint.MaxValue) return (uint)number;
        if ((long)number is >= int.MinValue and < 0) return unchecked((uint)number);
        throw new FormatException($"virtio_iommu_{Name} with '{name}={number}', which is no number of 32 bits");
    }

    private static bool TryDecimal(string text, out ulong number)
    {
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)) return true;
        var isSigned = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var negative);
        number = unchecked((ulong)negative);
        return isSigned;
    }

    [GeneratedRegex(@"^\d+@\d+\.\d+:")]
    private static partial Regex Stamp();

    [GeneratedRegex(@"\G\s*(0x[0-9a-fA-F]+|-?\d+)(?![0-9a-zA-Z])")]
    private static partial Regex Value();
}
