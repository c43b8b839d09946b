using System.Globalization;

namespace Viommu.Fuzz.Guests;

/// <summary>What a device does that no device should, after a guest's request or instead of its answer.</summary>
internal enum LieKind
{
    /// <summary>The answer has this status: one byte.</summary>
    Status,

    /// <summary>The answer ends after so many bytes, of which the last is not the tail's: one byte.</summary>
    Used,

    /// <summary>The answer begins with these bytes: of PROBE they are properties, of all others status and reserved bytes.</summary>
    Reply,

    /// <summary>The device writes these bytes to an event buffer.</summary>
    Report,

    /// <summary>From then on the configuration has these bytes, behind the one that says where.</summary>
    Config,

    /// <summary>The device says that its configuration has changed: one byte, how often.</summary>
    Changed,
}

/// <summary>One lie.</summary>
/// <param name="Request">After how many requests it is told: 0 for one that is there from power-on, otherwise the request that it is an answer to.</param>
/// <param name="Kind">What kind it is.</param>
/// <param name="Bytes">What it consists of.</param>
internal sealed record Lie(int Request, LieKind Kind, byte[] Bytes)
{
    /// <summary>As in a file: <c>12 status 03</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Request} {Kind.ToString().ToLowerInvariant()} {Convert.ToHexStringLower(Bytes)}");
}
