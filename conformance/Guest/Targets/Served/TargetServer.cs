using Viommu.Device.Memory;

namespace Viommu.Guest.Targets.Served;

/// <summary>
/// The device's side of the line protocol around any target of this process, for a guest in another: what README.md beside this file
/// tells authors of other devices to write, in C#.
/// </summary>
/// <param name="sourceOver">Where devices come from whose guest memory is the one given.</param>
public sealed class TargetServer(Func<IGuestMemory, ITargetSource> sourceOver) : IDisposable
{
    private const string NotStarted = "there is no device yet: start comes first";

    private MappedMemory? _memory;
    private ITargetSource? _source;
    private ITarget? _target;
    private Greeting? _greeting;

    /// <summary>Answers commands until they end. What a device throws goes through, as a crash of it would.</summary>
    public void Serve(Stream commands, Stream answers)
    {
        using var reader = new StreamReader(commands, leaveOpen: true);
        using var writer = new StreamWriter(answers, leaveOpen: true) { AutoFlush = true, NewLine = "\n" };
        while (reader.ReadLine() is { } command) writer.WriteLine(Answer(command));
    }

    /// <summary>The answer to one command.</summary>
    public string Answer(string command)
    {
        ArgumentNullException.ThrowIfNull(command);
        try
        {
            return Answer(command.Split(' ')) is { Length: > 0 } text ? text : "OK";
        }
        catch (FormatException wrong)
        {
            return $"ERR {wrong.Message}";
        }
    }

    /// <summary>Lets go of the device and its memory.</summary>
    public void Dispose()
    {
        _target?.Dispose();
        _source?.Dispose();
        _memory?.Dispose();
    }

    private string Answer(string[] words) => words switch
    {
        ["hello", _] => $"OK {Describe()}",
        ["start", var size, .. var shape] when shape.Length > 0 => Start(size, shape),
        ["read", var space, var address, var width] => $"OK {Wording.Number(Read(space, Wording.Number(address, "address"), Width(width)))}",
        ["write", var space, var address, var width, var value] => Write(space, Wording.Number(address, "address"), Width(width), Wording.Number(value, "value")),
        ["dma", var endpoint, "read", var address, var length] =>
            DmaRead(Endpoint(endpoint), Wording.Number(address, "address"), (int)Wording.Number(length, "length", ServedBusMaster.LongestAccess)),
        ["dma", var endpoint, "write", var address, var bytes] => Endpoint(endpoint).TryWrite(Wording.Number(address, "address"), Bytes(bytes)) ? "OK" : "FAULT",
        ["dma", var endpoint, "load", var address, var offset, var length] => Transfer(endpoint, address, offset, length, (master, at, start, count) => master.Load(at, start, count)),
        ["dma", var endpoint, "store", var address, var offset, var length] => Transfer(endpoint, address, offset, length, (master, at, start, count) => master.Store(at, start, count)),
        ["settle"] => Do(target => target.Settle()),
        ["reset"] => Do(target => target.SystemReset()),
        ["bypass", var value] => Target.TryChangeBypass(Wording.Number(value, "bypass", most: 1) == 1) ? "OK" : "NO the device has no bypass field",
        ["line"] => Target.InterruptLine is { } line ? $"OK {(line ? "0x1" : "0x0")}" : throw new FormatException("the device does not show its interrupt line"),
        ["viot"] => Target.ReadViot() is { } table ? $"OK {Convert.ToHexStringLower(table)}" : "NO there is no such table",
        _ => throw new FormatException("there are hello, start, read, write, dma, settle, reset, bypass, line and viot, each with what README.md says"),
    };

    private ITarget Target => _target ?? throw new FormatException(NotStarted);

    /// <summary>What a device says of itself that is like all others of this source: one is made to be looked at, and no more.</summary>
    private Greeting Describe()
    {
        if (_greeting is not null) return _greeting;
        using var source = sourceOver(new FlatGuestMemory(0, 1));
        using var target = source.Open(TargetShape.Default, out _) ?? throw new FormatException("there is no device");
        return _greeting = new Greeting(target.Identity.Name, target.Iommu)
        {
            Version = target.Identity.Version,
            Configuration = target.Identity.Configuration,
            Function = target.Iommu is DeviceLocation.MmioSlot ? default : FunctionOf(target),
            Bars = target.BarWindow,
            Ports = target.Iommu is DeviceLocation.MmioSlot ? new(1, 0) : target.IoWindow,
            Endpoints = [.. target.BusMasters.OfType<IOutspokenBusMaster>().Select(master => master.EndpointId)],
            Can = Abilities.Shape | Abilities.Bypass | (target.CanSystemReset ? Abilities.Reset : 0)
                | (target.InterruptLine is not null ? Abilities.Line : 0) | (target.ReadViot() is not null ? Abilities.Viot : 0),
            HasVirtualTime = source.HasVirtualTime,
        };
    }

    private static PciAddress FunctionOf(ITarget target)
    {
        for (byte device = 0; device < 32; device++)
        {
            if (target.ConfigRead(new(0, device, 0), 0, 4) != uint.MaxValue) return new(0, device, 0);
        }
        throw new FormatException("there is no PCI function on bus 0");
    }

    // A path may hold blanks, shapes hold none: it begins at the first word that begins as a path does.
    private string Start(string size, string[] rest)
    {
        if (_target is not null) throw new FormatException("the device runs; every device takes a program of its own");
        var words = rest.TakeWhile(word => !word.StartsWith('/')).ToList();
        var path = string.Join(' ', rest.Skip(words.Count));
        var shape = ShapeWords.Parse(words);
        try
        {
            _memory = new MappedMemory(path, (long)Wording.Number(size, "size", uint.MaxValue));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new FormatException($"'{path}' is no guest memory: {failure.Message}", failure);
        }
        _source = sourceOver(_memory);
        _target = _source.Open(shape, out var whyNot);
        return _target is null ? $"NO {whyNot}" : "OK";
    }

    private ulong Read(string space, ulong address, int width) => space switch
    {
        "mmio" => Target.MmioRead(address, width),
        "config" => Target.ConfigRead(Describe().Function, (int)Within(address, 0xfff), Narrow(width)),
        "io" => Target.IoRead((ushort)Within(address, ushort.MaxValue), Narrow(width)),
        _ => throw NoSpace(space),
    };

    private string Write(string space, ulong address, int width, ulong value)
    {
        if (width < sizeof(ulong) && value >> (8 * width) != 0) throw new FormatException($"{Wording.Number(value)} does not fit into {width} bytes");
        return space switch
        {
            "mmio" => Do(target => target.MmioWrite(address, width, value)),
            "config" => Do(target => target.ConfigWrite(Describe().Function, (int)Within(address, 0xfff), Narrow(width), (uint)value)),
            "io" => Do(target => target.IoWrite((ushort)Within(address, ushort.MaxValue), Narrow(width), (uint)value)),
            _ => throw NoSpace(space),
        };
    }

    private static string DmaRead(IOutspokenBusMaster master, ulong address, int length)
    {
        var bytes = new byte[length];
        var whole = master.TryRead(address, bytes, out var transferred);
        return $"{(whole ? "OK" : "FAULT")} {Convert.ToHexStringLower(bytes.AsSpan(0, transferred))}".TrimEnd();
    }

    private string Transfer(string endpoint, string address, string offset, string length, Action<IBusMaster, ulong, int, int> transfer)
    {
        var master = Find<IBusMaster>(endpoint, master => master.EndpointId);
        var start = (int)Wording.Number(offset, "offset", (ulong)master.BufferSize);
        var count = (int)Wording.Number(length, "length", (ulong)(master.BufferSize - start));
        transfer(master, Wording.Number(address, "address"), start, count);
        return "OK";
    }

    private string Do(Action<ITarget> act)
    {
        act(Target);
        return "OK";
    }

    private IOutspokenBusMaster Endpoint(string id) => Find<IOutspokenBusMaster>(id, master => master.EndpointId);

    private T Find<T>(string id, Func<T, uint> idOf)
        where T : class
    {
        var number = Wording.Number(id, "endpoint");
        return Target.BusMasters.OfType<T>().FirstOrDefault(master => idOf(master) == number) ?? throw new FormatException($"there is no endpoint {id}");
    }

    private static byte[] Bytes(string hex) => hex.Length is > 0 and <= 2 * ServedBusMaster.LongestAccess && hex.Length % 2 == 0 && hex.All(char.IsAsciiHexDigit)
        ? Convert.FromHexString(hex)
        : throw new FormatException("bytes are two hexadecimal digits each");

    private static int Width(string text) => text is "1" or "2" or "4" or "8" ? text[0] - '0' : throw new FormatException($"'{text}' is no width: 1, 2, 4 or 8 bytes");

    private static int Narrow(int width) => width < 8 ? width : throw new FormatException("8 bytes at a time are for mmio alone");

    private static ulong Within(ulong address, ulong last) => address <= last ? address : throw new FormatException($"{Wording.Number(address)} is beyond {Wording.Number(last)}");

    private static FormatException NoSpace(string space) => new($"'{space}' is no space: mmio, config or io");
}
