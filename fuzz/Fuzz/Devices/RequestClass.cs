using System.Text;
using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Rings;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Devices;

/// <summary>Requests that look alike from outside, whatever the device makes of them.</summary>
/// <param name="Type">The type; zero for those that there are none of.</param>
/// <param name="Shape">How much of it there is.</param>
/// <param name="Framing">How it is cut into descriptors.</param>
/// <param name="IsShortProbe">A PROBE with less room than its properties take.</param>
/// <param name="Range">How its range is, where it has one.</param>
/// <param name="Fault">What is wrong with the ring that it would be in.</param>
internal readonly record struct RequestClass(byte Type, RequestShape Shape, Framing Framing, bool IsShortProbe, RangeKind Range, RingFault Fault = RingFault.None)
{
    /// <summary>What a ring has in place of a chain.</summary>
    public static RequestClass Of(RingFault fault) => new(DecodedRequest.NoType, RequestShape.Whole, Framing.Plain, IsShortProbe: false, RangeKind.None, fault);

    public static RequestClass Of(ReadOnlySpan<byte> readable, int writable, Framing framing, DeviceFacts facts)
    {
        var request = DecodedRequest.From(new RequestView(readable, writable), facts);
        var range = request.Type is not (RequestLayout.Map or RequestLayout.Unmap) ? RangeKind.None
            : request.VirtEnd < request.VirtStart ? RangeKind.Inverted
            : request.VirtEnd == ulong.MaxValue ? RangeKind.ToTheTop
            : RangeKind.Plain;
        var shape = request.Shape == RequestShape.Whole && !request.HasHead ? RequestShape.Truncated : request.Shape;
        return new(request.IsKnownType ? request.Type : DecodedRequest.NoType, shape, framing,
            request.Type == RequestLayout.Probe && writable < facts.ProbeSize + Requests.TailSize, range);
    }

    /// <summary>True where a driver that keeps to the rules sends nothing like it.</summary>
    public bool IsOdd => Shape != RequestShape.Whole || IsShortProbe || Range == RangeKind.Inverted || Fault != RingFault.None;

    /// <summary>
    /// What is left of it once the device has taken it: how it was cut into descriptors, and what came behind it, is over then. Of a sequence
    /// only the last request is told apart by that.
    /// </summary>
    public RequestClass Taken => this with { Framing = Framing.Plain, Shape = Shape is RequestShape.LongReadable or RequestShape.LongWritable ? RequestShape.Whole : Shape };

    /// <summary>What it is called in findings: where it is not even a request, it does not matter which.</summary>
    public string Operation => Fault != RingFault.None ? $"ring {Fault}" : Shape is RequestShape.Truncated or RequestShape.WithoutTail ? $"request {Shape}" : Requests.Name(Type);

    public override string ToString()
    {
        if (Fault != RingFault.None) return $"a ring with {Fault}";
        var text = new StringBuilder(Requests.Name(Type)).Append('(').Append(IsShortProbe && Shape == RequestShape.Whole ? "properties area too small" : Shape);
        if (Framing != Framing.Plain) text.Append(", framing ").Append(Framing);
        if (Range is RangeKind.Inverted or RangeKind.ToTheTop) text.Append(", range ").Append(Range);
        return text.Append(')').ToString();
    }
}

/// <summary>How the range of a request is.</summary>
internal enum RangeKind : byte
{
    None,
    Plain,

    /// <summary>It ends before it starts.</summary>
    Inverted,

    /// <summary>It ends at the last address that there is.</summary>
    ToTheTop,
}
