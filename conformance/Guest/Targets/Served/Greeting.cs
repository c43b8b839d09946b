using System.Globalization;

namespace Viommu.Guest.Targets.Served;

/// <summary>What a served device can do beyond registers.</summary>
[Flags]
internal enum Abilities
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary><c>start</c> takes shapes.</summary>
    Shape = 1,

    /// <summary><c>reset</c>.</summary>
    Reset = 2,

    /// <summary><c>bypass</c>.</summary>
    Bypass = 4,

    /// <summary><c>line</c>.</summary>
    Line = 8,

    /// <summary><c>viot</c>.</summary>
    Viot = 16,
}

/// <summary>What a device says of itself when it is greeted.</summary>
internal sealed record Greeting(string Name, DeviceLocation Iommu)
{
    /// <summary>The version of the protocol that this program speaks.</summary>
    public const int Protocol = 1;

    private const string Examples = "name=mine version=1.0 device=pci:00:03.0, or device=mmio:0xa000000";
    private const int LongestWord = 60;

    // Half of it holds a pattern, and accesses are of a few hundred bytes at most.
    private const int SmallestBuffer = 0x400;

    private static readonly (Abilities Ability, string Word)[] Words =
        [(Abilities.Shape, "shape"), (Abilities.Reset, "reset"), (Abilities.Bypass, "bypass"), (Abilities.Line, "line"), (Abilities.Viot, "viot")];

    /// <summary>The device's version.</summary>
    public string Version { get; init; } = "unknown";

    /// <summary>Which of its forms it is.</summary>
    public string Configuration { get; init; } = "";

    /// <summary>Where the PCI function is; of no meaning for registers at a fixed address.</summary>
    public PciAddress Function { get; init; }

    /// <summary>Where memory BARs may be placed.</summary>
    public AddressWindow Bars { get; init; } = new(0xe000_0000, 0xe7ff_ffff);

    /// <summary>Where I/O BARs may be placed; last below first where there is no I/O space.</summary>
    public AddressWindow Ports { get; init; } = new(1, 0);

    /// <summary>The endpoints whose DMA can be asked for.</summary>
    public IReadOnlyList<uint> Endpoints { get; init; } = [];

    /// <summary>Size of the buffer that each endpoint has to itself, and that nobody sees; null where bytes are moved over the line.</summary>
    public int? Buffer { get; init; }

    /// <summary>How long it may take for an answer; null for as long as others may.</summary>
    public TimeSpan? Deadline { get; init; }

    /// <summary>What it can do beyond registers.</summary>
    public Abilities Can { get; init; }

    /// <summary>True where all that a command causes has happened once it is answered.</summary>
    public bool HasVirtualTime { get; init; }

    /// <summary>Why it cannot have any shape but its own, where it cannot.</summary>
    public string WhyNoShapes => $"{Name} has one shape: its hello does not say can=shape";

    /// <summary>True where there is I/O space.</summary>
    public bool HasPorts => Ports.First <= Ports.Last;

    /// <summary>What a device says that answered <c>OK</c> and this. Throws <see cref="FormatException"/>.</summary>
    public static Greeting Parse(string text)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is not [var version, ..] || !int.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var spoken))
            throw new FormatException($"the version of the protocol has to come first: OK {Protocol} {Examples}");
        if (spoken != Protocol) throw new FormatException($"it speaks version {spoken} of the protocol; this program speaks version {Protocol}");

        var pairs = new Dictionary<string, string>();
        foreach (var (key, value) in words.Skip(1).Select(Wording.Pair))
        {
            if (!pairs.TryAdd(key, value)) throw new FormatException($"'{key}' is said twice");
        }
        if (!pairs.Remove("name", out var name) || !pairs.Remove("device", out var device))
            throw new FormatException($"the device's name and place are missing: OK {Protocol} {Examples}");
        var (location, function) = Place(device);
        var greeting = new Greeting(Plain(name), location) { Function = function };
        foreach (var (key, value) in pairs) greeting = greeting.With(key, value);
        return greeting;
    }

    /// <summary>The words behind <c>OK</c>.</summary>
    public override string ToString()
    {
        List<string> words =
        [
            Protocol.ToString(CultureInfo.InvariantCulture), $"name={Name}", $"version={Version}", $"device={Place()}",
            $"bars={Wording.Range(Bars)}", $"time={(HasVirtualTime ? "virtual" : "real")}",
        ];
        if (Configuration.Length > 0) words.Add($"configuration={Configuration.Replace(", ", ",", StringComparison.Ordinal)}");
        if (HasPorts) words.Add($"ports={Wording.Range(Ports)}");
        if (Endpoints.Count > 0) words.Add($"endpoints={string.Join(',', Endpoints.Select(endpoint => Wording.Number(endpoint)))}");
        if (Buffer is { } size) words.Add($"buffer={Wording.Number((ulong)size)}");
        if (Deadline is { } deadline) words.Add($"deadline={deadline.TotalSeconds.ToString(CultureInfo.InvariantCulture)}");
        if (Can != Abilities.None) words.Add($"can={string.Join(',', Words.Where(word => Can.HasFlag(word.Ability)).Select(word => word.Word))}");
        return string.Join(' ', words);
    }

    private Greeting With(string key, string value) => key switch
    {
        "version" => this with { Version = Plain(value) },
        "configuration" => this with { Configuration = Plain(value).Replace(",", ", ", StringComparison.Ordinal) },
        "bars" => this with { Bars = Wording.Range(value, "range of bars", uint.MaxValue) },
        "ports" => this with { Ports = Wording.Range(value, "range of ports", ushort.MaxValue) },
        "endpoints" => this with { Endpoints = [.. value.Split(',').Select(id => (uint)Wording.Number(id, "endpoint", uint.MaxValue))] },
        "deadline" => this with { Deadline = DeadlineOf(value) },
        "buffer" => this with { Buffer = BufferOf(value) },
        "can" => this with { Can = value.Split(',').Aggregate(Abilities.None, (all, word) => all | Ability(word)) },
        "time" => this with { HasVirtualTime = value switch { "virtual" => true, "real" => false, _ => throw new FormatException($"time={value}: there are virtual and real") } },
        _ => throw new FormatException($"'{key}' is unknown; there are name, version, configuration, device, bars, ports, endpoints, buffer, can, time and deadline"),
    };

    private string Place() => Iommu switch
    {
        DeviceLocation.PciFunction => $"pci:{Function}",
        DeviceLocation.TransitionalPciFunction => $"pci-transitional:{Function}",
        DeviceLocation.MmioSlot slot => $"mmio:{Wording.Number(slot.Address)}",
        _ => throw new NotSupportedException($"the protocol has no words for {Iommu}"),
    };

    private static (DeviceLocation, PciAddress) Place(string text)
    {
        var parts = text.Split(':', 2);
        return parts switch
        {
            ["pci", var function] => (new DeviceLocation.PciFunction(), Address(function)),
            ["pci-transitional", var function] => (new DeviceLocation.TransitionalPciFunction(), Address(function)),
            ["mmio", var address] => (new DeviceLocation.MmioSlot(Wording.Number(address, "address")), default),
            _ => throw new FormatException($"device={text}: there are pci:BB:DD.F, pci-transitional:BB:DD.F and mmio:ADDRESS"),
        };
    }

    private static PciAddress Address(string text) =>
        text is [_, _, ':', _, _, '.', >= '0' and <= '7']
        && byte.TryParse(text.AsSpan(0, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bus)
        && byte.TryParse(text.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var device) && device < 32
            ? new(bus, device, (byte)(text[^1] - '0'))
            : throw new FormatException($"'{text}' is no PCI function: bus, device and function are needed, as 00:03.0");

    private static Abilities Ability(string word) => Words.FirstOrDefault(known => known.Word == word) is { Word: not null } known
        ? known.Ability
        : throw new FormatException($"can={word}: there are {string.Join(", ", Words.Select(w => w.Word))}");

    private static int BufferOf(string value) => (int)Wording.Number(value, "size of a buffer", ServedBusMaster.LongestAccess) is >= SmallestBuffer and var size
        ? size
        : throw new FormatException($"buffer={value}: {Wording.Number(SmallestBuffer)} bytes are needed at least");

    private static TimeSpan DeadlineOf(string value) => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and <= 3600
        ? TimeSpan.FromSeconds(seconds)
        : throw new FormatException($"deadline={value}: seconds are needed, 1 to 3600");

    // Names get into reports, expectations and file names.
    private static string Plain(string word) => word.Length <= LongestWord && word.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or '+' or ',')
        ? word
        : throw new FormatException($"'{word}' is no plain word: letters, digits and .-_+, are, up to {LongestWord}");
}
