using System.Text;
using Viommu.Conformance.Expectations;
using Viommu.Device.Iommu;
using Viommu.Device.Topology;
using Viommu.Device.Transport.Mmio;
using Viommu.Device.Transport.Pci;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Parsing;
using Viommu.Guest.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Targets;

/// <summary>
/// Everything that reads what others wrote: expectations, saved states, firmware tables, properties, qtest replies. Each takes its input, or
/// refuses it in the way it has for that.
/// </summary>
/// <remarks>Input: which parser (1), then what it reads.</remarks>
internal sealed class ParsersTarget : IFuzzTarget
{
    private static readonly string[] _words =
    [
        "- check: \"*\"\n", "verdict: FAIL\n", "reason: \"x\"\n", "url: \"https://example.org\"\n", "target: qemu\n", "version: \">=7.2 <8\"\n", "expires: 2027-06-30\n",
        "actual: \"x\"\n", "VIOS", "VIOT", "MMIO", "CORE", "IOMM", "PCIF", "OK 0x1\n", "OK\n", "FAIL unknown\n", "IRQ raise 0\n",
        "verdict: CRASH\n", "verdict: N/A\n", "OK 0xffffffffffffffff\n", "ERR \n", "IRQ lower 0\n", "FAIL \n",
    ];

    public static readonly TargetInfo Info = new(
        "parsers", "expectations, saved states, firmware tables, properties, qtest replies", new InputShape { HeaderSize = 1, MaximumRecords = 2048, Header = [new("parser", 0, 1, FieldKind.Choice, 0, 1, 2, 3, 4, 5)] },
        ParserCount * 4, _ => new ParsersTarget())
    {
        Instrumented = ["Viommu.Device", "Viommu.Guest", "conformance"],
        Shows = _ => false,
        Seeds = Seeds,
        Tokens = [.. _words.Select(word => Encoding.UTF8.GetBytes(word))],
    };

    private const int ParserCount = 6;
    private const int ConfigSize = IommuConfig.Size;

    private readonly VirtioMmioDevice _mmio = NewMmio();
    private readonly VirtioPciFunction _pci = NewPci();
    private readonly QtestPeer _peer = new();

    public void Execute(ReadOnlySpan<byte> input, Observations observations)
    {
        if (input.IsEmpty) return;
        observations.Operations = 1;
        int parser = input[0] % ParserCount;
        int outcome = Parse(parser, input[1..]);
        observations.Visit((parser * 4) + outcome);
        observations.Saw((ulong)((parser * 4) + outcome));
    }

    public void Dispose() => _peer.Dispose();

    private int Parse(int parser, ReadOnlySpan<byte> bytes)
    {
        switch (parser)
        {
            case 0: return Expectations(bytes);
            case 1: return ViotReader.TryRead(bytes, out _, out _) ? 1 : 0;
            case 2:
                int properties = ProbeProperty.Parse(bytes).Count;
                if (bytes.Length >= FaultReport.Size) FaultReport.Decode(bytes);
                if (bytes.Length >= ConfigSize) IommuConfig.Decode(bytes);
                return Math.Min(properties, 3);
            case 3: return Restore(_mmio.TryRestore(bytes, out _), _mmio.Save, state => _mmio.TryRestore(state, out _));
            case 4: return Restore(_pci.TryRestore(bytes, out _), _pci.Save, state => _pci.TryRestore(state, out _));
            default: return Qtest(bytes);
        }
    }

    private static int Expectations(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return ExpectationFile.Parse("input", Encoding.UTF8.GetString(bytes)).Count > 0 ? 1 : 2;
        }
        catch (ExpectationFormatException)
        {
            return 0;
        }
    }

    // What was taken over is a state, so that saving and taking it over again has to work.
    private static int Restore(bool isTaken, Func<byte[]> save, Func<byte[], bool> restore)
    {
        if (!isTaken) return 0;
        if (!restore(save())) throw new BrokenInvariantException("saved-state-is-taken-over", "saved again", "a device does not take over the state that it has saved itself");
        return 1;
    }

    private int Qtest(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _peer.Ask(bytes, 4);
            return 1;
        }
        catch (TargetDiedException)
        {
            return 0;
        }
        catch (TargetHungException)
        {
            return 2;
        }
    }

    private static VirtioMmioDevice NewMmio() => new(new IommuDevice(TestBed.Options, new ShadowedMemory(4096)), new ShadowedMemory(4096), new VirtioMmioOptions());

    private static VirtioPciFunction NewPci() => new(new IommuDevice(TestBed.Options, new ShadowedMemory(4096)), new ShadowedMemory(4096), new VirtioPciOptions());

    private static IEnumerable<Seed> Seeds() =>
    [
        One("expectations", 0, Encoding.UTF8.GetBytes("- check: \"IOMMU-MAP-*\"\n  verdict: FAIL\n  reason: \"x\"\n  url: \"https://example.org/1\"\n  expires: 2027-06-30\n  version: \">=7.2 <8\"\n")),
        One("firmware-table", 1, Viot()),
        One("properties", 2, [1, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0xe0, 0xfe, 0, 0, 0, 0, 0xff, 0xff, 0xef, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0]),
        One("saved-mmio", 3, NewMmio().Save()),
        One("saved-pci", 4, NewPci().Save()),
        One("qtest-answer", 5, "IRQ raise 3\nOK 0x1f\n"u8.ToArray()),
    ];

    // The smallest table: the ACPI header (36), node count and offset, reserved bytes, and no node.
    private static byte[] Viot()
    {
        var table = new byte[48];
        "VIOT"u8.CopyTo(table);
        table[4] = 48;
        table[38] = 48;
        byte sum = 0;
        foreach (byte value in table) sum += value;
        table[9] = (byte)(0 - sum);
        return table;
    }

    private static Seed One(string name, byte parser, byte[] content) => new(name, [parser, .. content]);
}
