using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Viommu.Conformance.Scripts;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Corpora;

/// <summary>
/// Programs of requests as scripts, which people read and every target runs. What a script has no words for is left out, accesses of
/// endpoints that do not exist and requests without a byte: such programs are kept as their bytes. Which of the fuzzer's devices it was found
/// on, and what is wanted of features that scripts do not name, is in comments.
/// </summary>
internal sealed class SequenceFormat : IInputFormat
{
    private const string Mark = "fuzz:";

    private static readonly ScriptBindings _bindings = new(TestBed.Ram, [TestBed.FirstEndpoint, TestBed.SecondEndpoint, TestBed.ThirdEndpoint], 0, (int)TestBed.ProbeSize);

    public static SequenceFormat Instance { get; } = new();

    public string Extension => Script.Extension;

    public byte[] ToFile(ReadOnlySpan<byte> input) => Encoding.UTF8.GetBytes(ScriptPrinter.Print(ToScript(input)));

    public byte[] FromFile(ReadOnlySpan<byte> file)
    {
        try
        {
            return FromScript(ScriptParser.Parse("input", Encoding.UTF8.GetString(file)));
        }
        catch (ScriptFormatException e)
        {
            throw new FormatException(e.Message, e);
        }
    }

    public bool AreSame(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other) => SequenceMeaning.AreSame(one, other);

    /// <summary>A program as a script.</summary>
    public static Script ToScript(ReadOnlySpan<byte> input)
    {
        if (input.Length < SequenceShape.HeaderSize) return new([]);
        ulong features = BinaryPrimitives.ReadUInt64LittleEndian(input);
        int bed = input[SequenceShape.BedOffset] % TestBed.Count;
        int steps = SequenceShape.Shape.RecordsIn(input.Length);
        // Scripts accept features once before their first operation.
        if (steps > 0 && IsReset(Step(input, 0))) features = BinaryPrimitives.ReadUInt64LittleEndian(Step(input, 0)[SequenceShape.ResetFeatures..]);
        ulong accepted = features & Features.IommuChapter;
        ulong reserved = features & ~Features.IommuChapter;
        var lines = new List<ScriptLine>();
        if (bed != 0 || reserved != ~Features.IommuChapter)
            lines.Add(new CommentLine(string.Create(CultureInfo.InvariantCulture, $"{Mark} bed={bed} reserved=0x{reserved:x}")));
        lines.Add(new FeaturesLine(accepted));
        for (int i = 0; i < steps; i++) lines.AddRange(ToLines(Step(input, i), ref accepted, ref reserved));
        return new(lines);
    }

    /// <summary>The steps of a program in the words of scripts, or by their fields where scripts have no words.</summary>
    public static IReadOnlyList<string> Describe(ReadOnlySpan<byte> input)
    {
        if (input.Length < SequenceShape.HeaderSize) return [];
        ulong accepted = BinaryPrimitives.ReadUInt64LittleEndian(input) & Features.IommuChapter;
        ulong reserved = BinaryPrimitives.ReadUInt64LittleEndian(input) & ~Features.IommuChapter;
        var steps = new List<string>();
        for (int i = 0; i < SequenceShape.Shape.RecordsIn(input.Length); i++)
        {
            var lines = ToLines(Step(input, i), ref accepted, ref reserved).Where(line => line is not CommentLine).ToList();
            steps.Add(lines.Count == 0 ? InputDescription.StepOf(SequenceShape.Shape, input, i) : string.Join("; ", lines.Select(ScriptPrinter.Print)));
        }

        return steps;
    }

    /// <summary>What a program begins with: the features, and which of the fuzzer's devices where it is not the first; null where it has no beginning.</summary>
    public static string? DescribeHeader(ReadOnlySpan<byte> input)
    {
        if (input.Length < SequenceShape.HeaderSize) return null;
        int bed = input[SequenceShape.BedOffset] % TestBed.Count;
        string features = ScriptPrinter.Print(new FeaturesLine(BinaryPrimitives.ReadUInt64LittleEndian(input) & Features.IommuChapter));
        return bed == 0 ? features : string.Create(CultureInfo.InvariantCulture, $"{features}, bed={bed}");
    }

    /// <summary>A script as a program.</summary>
    public static byte[] FromScript(Script script)
    {
        ulong reserved = ~Features.IommuChapter;
        ulong features = Features.IommuChapter;
        byte bed = 0;
        bool hasBegun = false;
        ulong atStart = ulong.MaxValue;
        var steps = new List<byte[]>();
        foreach (var line in script.Lines)
        {
            switch (line)
            {
                case CommentLine comment when comment.Text.StartsWith(Mark, StringComparison.Ordinal):
                    ReadMark(comment.Text, ref bed, ref reserved);
                    break;
                case FeaturesLine wanted:
                    features = wanted.Features;
                    break;
                case ScriptOperation operation:
                    if (!hasBegun) atStart = features | reserved;
                    hasBegun = true;
                    steps.Add(FromOperation(operation, features | reserved));
                    break;
            }
        }

        var program = SequenceSeeds.Program([.. steps]);
        BinaryPrimitives.WriteUInt64LittleEndian(program, hasBegun ? atStart : features | reserved);
        program[SequenceShape.BedOffset] = bed;
        return program;
    }

    private static List<ScriptLine> ToLines(ReadOnlySpan<byte> step, ref ulong accepted, ref ulong reserved)
    {
        var kind = (StepKind)(step[0] % SequenceShape.KindCount);
        switch (kind)
        {
            case StepKind.DmaRead or StepKind.DmaWrite:
                var endpoint = _bindings.EndpointOf(BinaryPrimitives.ReadUInt32LittleEndian(step[SequenceShape.DmaEndpoint..]));
                if (endpoint.Base != SymbolBase.Endpoint) return [];
                ulong at = BinaryPrimitives.ReadUInt64LittleEndian(step[SequenceShape.DmaAddress..]);
                return [new DmaOperation(endpoint, kind == StepKind.DmaWrite, AddressOf(at), 1 + (step[SequenceShape.DmaLength] % SequenceShape.MaximumDma))];
            case StepKind.WriteBypass:
                return [new BypassOperation(step[SequenceShape.BodyOffset])];
            case StepKind.DeviceReset or StepKind.SystemReset:
                ulong wanted = BinaryPrimitives.ReadUInt64LittleEndian(step[SequenceShape.ResetFeatures..]);
                var lines = new List<ScriptLine>();
                if ((wanted & ~Features.IommuChapter) != reserved)
                {
                    reserved = wanted & ~Features.IommuChapter;
                    lines.Add(new CommentLine(string.Create(CultureInfo.InvariantCulture, $"{Mark} reserved=0x{reserved:x}")));
                }

                if ((wanted & Features.IommuChapter) != accepted)
                {
                    accepted = wanted & Features.IommuChapter;
                    lines.Add(new FeaturesLine(accepted));
                }

                return [.. lines, kind == StepKind.DeviceReset ? new ResetOperation() : new SystemResetOperation()];
            default:
                return ToRequest(kind, step) is { } request ? [request] : [];
        }
    }

    private static ReadOnlySpan<byte> Step(ReadOnlySpan<byte> input, int index) =>
        input.Slice(SequenceShape.HeaderSize + (index * SequenceShape.StepSize), SequenceShape.StepSize);

    private static bool IsReset(ReadOnlySpan<byte> step) => (StepKind)(step[0] % SequenceShape.KindCount) is StepKind.DeviceReset or StepKind.SystemReset;

    // In bypass mode addresses of memory are what endpoints use.
    private static Symbol AddressOf(ulong address) => address - TestBed.Ram < RequestMachine.RamSize ? Symbol.Ram(address - TestBed.Ram) : address;

    private static RequestOperation? ToRequest(StepKind kind, ReadOnlySpan<byte> step)
    {
        Span<byte> room = stackalloc byte[SequenceTarget.LongestRequest];
        var bytes = SequenceTarget.Encode(kind, step, room);
        int writable = BinaryPrimitives.ReadUInt16LittleEndian(step[SequenceShape.WritableOffset..]);
        bool isProbe = !bytes.IsEmpty && bytes[0] == RequestLayout.Probe;
        // What a PROBE needs is the device's to say; of every other request words mean its tail.
        bool isNatural = writable == SequenceShape.NaturalWritable || (writable == Requests.TailSize && !isProbe);
        if (isNatural) writable = Requests.TailSize + (isProbe ? (int)TestBed.ProbeSize : 0);
        writable = Math.Min(writable, RequestMachine.MaximumWritable);
        if (bytes.IsEmpty && writable == 0) return null;
        var framing = (step[SequenceShape.FramingOffset] % 4) switch
        {
            1 => new ScriptFraming((bytes.Length / 2).ToString(CultureInfo.InvariantCulture), "", 0),
            2 => new ScriptFraming("", (writable / 2).ToString(CultureInfo.InvariantCulture), 0),
            3 => new ScriptFraming("", "", 2),
            _ => ScriptFraming.Plain,
        };
        var operation = (isNatural ? Described(bytes) : null) ?? new BytesOperation(Convert.ToHexStringLower(bytes), writable);
        return operation with { Framing = framing };
    }

    // In words, where the words give the same bytes.
    private static RequestOperation? Described(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty || bytes.Length != RequestLayout.SizeOf(bytes[0])) return null;
        uint head = BinaryPrimitives.ReadUInt32LittleEndian(bytes) >> 8;
        uint domain = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
        switch (bytes[0])
        {
            case RequestLayout.Attach:
                return _bindings.OperationOf(new AttachRequest(domain, U32(bytes, 8)) { Flags = U32(bytes, 12), Reserved = U32(bytes, 16), HeadReserved = head });
            case RequestLayout.Detach:
                return _bindings.OperationOf(new DetachRequest(domain, U32(bytes, 8)) { Reserved = U64(bytes, 12), HeadReserved = head });
            case RequestLayout.Map:
                return _bindings.OperationOf(new MapRequest(domain, U64(bytes, 8), U64(bytes, 16), U64(bytes, 24), U32(bytes, 32)) { HeadReserved = head });
            case RequestLayout.Unmap:
                return _bindings.OperationOf(new UnmapRequest(domain, U64(bytes, 8), U64(bytes, 16)) { Reserved = U32(bytes, 24), HeadReserved = head });
            case RequestLayout.Probe when bytes[8..].IndexOfAnyExcept((byte)0) < 0:
                return _bindings.OperationOf(new ProbeRequest(domain, (int)TestBed.ProbeSize) { HeadReserved = head });
            default:
                return null;
        }
    }

    private static byte[] FromOperation(ScriptOperation operation, ulong features)
    {
        switch (operation)
        {
            case DmaOperation dma:
                return SequenceSeeds.Dma((uint)_bindings.Resolve(dma.Endpoint), _bindings.Resolve(dma.Address), Math.Clamp(dma.Length, 1, SequenceShape.MaximumDma), dma.IsWrite);
            case BypassOperation bypass:
                return SequenceSeeds.Bypass(bypass.Value);
            case ResetOperation:
                return SequenceSeeds.Reset(StepKind.DeviceReset, features);
            case SystemResetOperation:
                return SequenceSeeds.Reset(StepKind.SystemReset, features);
            case RequestOperation request:
                return FromRequest(request);
            default:
                throw new FormatException($"{ScriptPrinter.Print(operation)}: nothing that the fuzzer can do");
        }
    }

    private static byte[] FromRequest(RequestOperation operation)
    {
        var request = _bindings.RequestOf(operation);
        var bytes = request.Encode();
        int natural = Requests.TailSize + (bytes.Length > 0 && bytes[0] == RequestLayout.Probe ? (int)TestBed.ProbeSize : 0);
        int writable = operation is not BytesOperation && request.WritableLength == natural ? SequenceShape.NaturalWritable : request.WritableLength;
        var framing = operation.Framing switch
        {
            { Indirect: > 0 } => Framing.Indirect,
            { Readable.Length: > 0 } => Framing.SplitReadable,
            { Writable.Length: > 0 } => Framing.SplitWritable,
            _ => Framing.Plain,
        };
        bool isTyped = bytes.Length > 0 && bytes[0] is >= RequestLayout.Attach and <= RequestLayout.Probe && bytes.Length == RequestLayout.SizeOf(bytes[0])
            && bytes.AsSpan(Math.Min(bytes.Length, SequenceShape.BodySize)).IndexOfAnyExcept((byte)0) < 0;
        if (isTyped) return SequenceSeeds.Request(bytes, writable, framing);
        if (bytes.Length > SequenceShape.MaximumRaw) throw new FormatException($"{ScriptPrinter.Print(operation)}: the fuzzer's own requests have {SequenceShape.MaximumRaw} bytes at most");
        return SequenceSeeds.Raw(bytes, writable, framing);
    }

    private static void ReadMark(string text, ref byte bed, ref ulong reserved)
    {
        foreach (var word in text[Mark.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            bool isRead = word.StartsWith("bed=", StringComparison.Ordinal)
                ? byte.TryParse(word.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out bed) && bed < TestBed.Count
                : word.StartsWith("reserved=0x", StringComparison.Ordinal) && ulong.TryParse(word.AsSpan(11), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out reserved);
            if (!isRead) throw new FormatException($"'{word}' in the comment '{text}' means nothing");
        }

        reserved &= ~Features.IommuChapter;
    }

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
}
