using System.Diagnostics;

namespace Viommu.Guest.Targets.Served;

/// <summary>A device in a program of somebody else's, driven over lines of text; README.md beside this file is the protocol.</summary>
internal sealed class ServedTarget : ITarget
{
    // How often, and how long at least, a device with time of its own is asked whether it is idle before what must not happen is checked.
    private const int SettlingTurns = 4;
    private static readonly TimeSpan SettlingTime = TimeSpan.FromMilliseconds(2);

    private readonly ServedMachine _machine;
    private readonly LineClient _client;
    private readonly Greeting _greeting;

    public ServedTarget(ServedMachine machine)
    {
        (_machine, _client, _greeting) = (machine, machine.Client, machine.Greeting);
        Identity = new(_greeting.Name, _greeting.Version, _greeting.Configuration);
        BusMasters = [.. _greeting.Endpoints.Select(endpoint => _greeting.Buffer is { } size
            ? (IBusMaster)new ServedDmaEngine(_client, endpoint, size) : new ServedBusMaster(_client, endpoint))];
    }

    /// <inheritdoc/>
    public TargetIdentity Identity { get; }

    /// <inheritdoc/>
    public DeviceLocation Iommu => _greeting.Iommu;

    /// <inheritdoc/>
    public IGuestRam Ram => _machine.Ram;

    /// <inheritdoc/>
    public AddressWindow BarWindow => _greeting.Bars;

    /// <inheritdoc/>
    public AddressWindow IoWindow => _greeting.Ports;

    /// <inheritdoc/>
    public IReadOnlyList<IBusMaster> BusMasters { get; }

    /// <inheritdoc/>
    public bool CanSystemReset => Can(Abilities.Reset);

    /// <inheritdoc/>
    public string LastWords => _machine.LastWords;

    /// <summary>Commands that were sent to the program, each of which waited for its answer.</summary>
    public long RoundTrips => _client.Commands;

    /// <inheritdoc/>
    public bool? InterruptLine => Can(Abilities.Line) ? AskForBit("line") : null;

    /// <inheritdoc/>
    public byte[]? ReadViot()
    {
        const string Command = "viot";
        if (!Can(Abilities.Viot)) return null;
        var answer = _client.Ask(Command);
        if (answer.Kind == AnswerKind.No) return null;
        return answer is { Kind: AnswerKind.Ok, Text: { Length: > 0 } hex } && hex.Length % 2 == 0 && hex.All(char.IsAsciiHexDigit)
            ? Convert.FromHexString(hex)
            : throw _client.Misbehaved(Command, answer);
    }

    /// <inheritdoc/>
    /// <remarks>The function of the device is the only one there is.</remarks>
    public uint ConfigRead(PciAddress function, int offset, int width) =>
        IsOurs(function) ? (uint)Read("config", (ulong)offset, width, greatest: 4) : AllOnes(width);

    /// <inheritdoc/>
    public void ConfigWrite(PciAddress function, int offset, int width, uint value)
    {
        if (IsOurs(function)) Write("config", (ulong)offset, width, value, greatest: 4);
    }

    /// <inheritdoc/>
    public ulong MmioRead(ulong address, int width) => Read("mmio", address, width, greatest: 8);

    /// <inheritdoc/>
    public void MmioWrite(ulong address, int width, ulong value) => Write("mmio", address, width, value, greatest: 8);

    /// <inheritdoc/>
    public uint IoRead(ushort port, int width) => _greeting.HasPorts ? (uint)Read("io", port, width, greatest: 4) : AllOnes(width);

    /// <inheritdoc/>
    public void IoWrite(ushort port, int width, uint value)
    {
        if (_greeting.HasPorts) Write("io", port, width, value, greatest: 4);
    }

    /// <inheritdoc/>
    public void SystemReset()
    {
        if (!CanSystemReset) throw new NotSupportedException($"{_greeting.Name} has no reset of the whole machine");
        _client.Tell("reset");
    }

    /// <inheritdoc/>
    public bool TryChangeBypass(bool bypass)
    {
        if (!Can(Abilities.Bypass)) return false;
        var command = $"bypass {Wording.Number(bypass ? 1u : 0)}";
        var answer = _client.Ask(command);
        return answer.Kind switch
        {
            AnswerKind.Ok when answer.Text.Length == 0 => true,
            AnswerKind.No => false,
            _ => throw _client.Misbehaved(command, answer),
        };
    }

    /// <inheritdoc/>
    public bool Await(Func<bool> condition, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(condition);
        var waiting = new WaitingTime();
        while (!condition())
        {
            if (_greeting.HasVirtualTime || waiting.Look() >= patience) return false;
            _client.Tell("settle");
        }
        return true;
    }

    /// <inheritdoc/>
    public void Settle()
    {
        if (_greeting.HasVirtualTime) return;
        var clock = Stopwatch.StartNew();
        for (var turn = 0; turn < SettlingTurns || clock.Elapsed < SettlingTime; turn++) _client.Tell("settle");
    }

    /// <inheritdoc/>
    public void Kill() => _machine.Kill();

    /// <inheritdoc/>
    public void Dispose() => _machine.Dispose();

    private bool Can(Abilities ability) => (_greeting.Can & ability) != 0;

    private bool IsOurs(PciAddress function) => _greeting.Iommu is not DeviceLocation.MmioSlot && function == _greeting.Function;

    private bool AskForBit(string command)
    {
        var answer = _client.Ask(command);
        return answer is { Kind: AnswerKind.Ok, Text: "0x0" or "0x1" } ? answer.Text == "0x1" : throw _client.Misbehaved(command, answer);
    }

    private ulong Read(string space, ulong address, int width, int greatest) =>
        _client.AskForNumber($"read {space} {Wording.Number(address)} {Checked(width, greatest)}", width);

    private void Write(string space, ulong address, int width, ulong value, int greatest) =>
        _client.Tell($"write {space} {Wording.Number(address)} {Checked(width, greatest)} {Wording.Number(value & (ulong.MaxValue >> (64 - (8 * width))))}");

    private static int Checked(int width, int greatest) => width is 1 or 2 or 4 or 8 && width <= greatest
        ? width
        : throw new ArgumentOutOfRangeException(nameof(width), width, "no such access width");

    private static uint AllOnes(int width) => uint.MaxValue >> (32 - (8 * width));
}
