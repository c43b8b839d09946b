using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Rings;

/// <summary>What came back for a request, seen without the driver that otherwise judges it.</summary>
/// <param name="Length">The used length.</param>
/// <param name="Bytes">The device-writable part.</param>
internal sealed record Answer(uint Length, byte[] Bytes)
{
    /// <summary>Sends a request into a device-writable part that holds <paramref name="content"/> before.</summary>
    public static Answer Into(IommuDriver driver, Request request, byte[] content)
    {
        var (machine, queue) = (driver.Machine, driver.Requests);
        var sent = request.Encode();
        var from = machine.Heap.Allocate((ulong)sent.Length, 16);
        var into = machine.Heap.Allocate((ulong)content.Length, 16);
        machine.Target.Ram.Write(from, sent);
        machine.Target.Ram.Write(into, content);
        queue.Lend([new BufferElement(from, (uint)sent.Length, IsWritable: false), new BufferElement(into, (uint)content.Length, IsWritable: true)]);
        driver.NotifyRequests();
        var used = default(UsedElement);
        Given(machine.Await(() => queue.TryTakeUsed(out used)), $"{request} does not come back");
        var bytes = new byte[content.Length];
        machine.Target.Ram.Read(into, bytes);
        machine.Journal.Add($"{request} into {Shown(content)}: used length {used.Length}, {Shown(bytes)}");
        return new Answer(used.Length, bytes);
    }

    /// <summary>Sends a request into a device-writable part whose bytes are all <paramref name="fill"/>.</summary>
    public static Answer Into(IommuDriver driver, Request request, byte fill)
    {
        var content = new byte[request.WritableLength];
        content.AsSpan().Fill(fill);
        return Into(driver, request, content);
    }

    /// <summary>The byte in the status's place: the status, where there is one.</summary>
    public byte StatusByte(Request request) => Bytes[request.WritableLength - Request.TailSize];

    private static string Shown(byte[] bytes) => bytes.Length <= 64 ? Convert.ToHexStringLower(bytes) : $"{Convert.ToHexStringLower(bytes, 0, 64)}... ({bytes.Length} bytes)";
}

/// <summary>The answers to a request that was sent twice, into bytes of 0xa5 and into bytes of 0x5a: a byte that keeps its value both times was not written.</summary>
/// <param name="Request">The request.</param>
/// <param name="Lengths">The two used lengths.</param>
/// <param name="Written">How many bytes, from the first device-writable one on, the device wrote.</param>
/// <param name="WrittenAnywhere">Whether it wrote any byte.</param>
internal sealed record TwoAnswers(Request Request, IReadOnlyList<uint> Lengths, int Written, bool WrittenAnywhere)
{
    public static TwoAnswers To(IommuDriver driver, Request request)
    {
        const byte One = 0xa5, Other = 0x5a;
        Answer[] answers = [Answer.Into(driver, request, One), Answer.Into(driver, request, Other)];
        var untouched = Enumerable.Range(0, request.WritableLength).Where(i => answers[0].Bytes[i] == One && answers[1].Bytes[i] == Other).ToList();
        return new TwoAnswers(
            request, [.. answers.Select(answer => answer.Length)], untouched.Count > 0 ? untouched[0] : request.WritableLength, untouched.Count < request.WritableLength);
    }

    /// <summary>The clause: no more is counted than was written.</summary>
    public void CountWhatWasWritten()
    {
        foreach (var length in Lengths)
            That(length <= Written, $"length {Written} at most, the bytes that {Request} got written from the first on", $"length {length}, and byte {Written} was not written");
    }

    /// <summary>The clause: the length reaches the status, and no further than the device-writable part.</summary>
    public void ReachTheStatus()
    {
        var tail = Request.WritableLength - Request.TailSize;
        foreach (var length in Lengths)
            That(length > tail && length <= Request.WritableLength, $"a length of {tail + 1} to {Request.WritableLength} for {Request}", $"length {length}");
    }
}
