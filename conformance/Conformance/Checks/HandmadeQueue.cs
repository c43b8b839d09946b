using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Checks;

/// <summary>
/// A request queue without a driver, for rules of where a device finds a queue and when it may look at it: the check tells the device
/// of it by hand.
/// </summary>
/// <param name="machine">The machine.</param>
/// <param name="rings">The rings, laid out and not in use yet.</param>
internal sealed class HandmadeQueue(Machine machine, DriverQueue rings)
{
    private readonly Dictionary<ushort, (GuardedBuffer Readable, GuardedBuffer Writable)> lent = [];

    /// <summary>The rings.</summary>
    public DriverQueue Rings => rings;

    /// <summary>True while every buffer made available holds what it held then.</summary>
    public bool IsUntouched => lent.Values.All(buffers => buffers.Readable.IsUnchanged() && buffers.Writable.IsUnchanged());

    /// <summary>Makes a request available.</summary>
    public void MakeAvailable(Request request)
    {
        var readable = GuardedBuffer.Holding(machine.Target.Ram, machine.Heap, request.Encode());
        var writable = GuardedBuffer.Poisoned(machine.Target.Ram, machine.Heap, request.WritableLength);
        var chain = rings.Lend([Element(readable, isWritable: false), Element(writable, isWritable: true)]);
        lent[chain] = (readable, writable);
        machine.Journal.Add($"{request} as chain {chain} of queue {rings.Number}, made by hand");
    }

    /// <summary>Notifies the device, whether it wishes so or not.</summary>
    public void Notify() => machine.Transport.Notify(rings.Number);

    /// <summary>
    /// Sends requests one by one, more than the rings have room for at once; returns what went wrong, or null where each came back.
    /// </summary>
    public string? FindFailureOf(Request request)
    {
        var count = rings.Size + 2;
        for (var sent = 1; sent <= count; sent++)
        {
            MakeAvailable(request);
            Notify();
            var used = default(UsedElement);
            if (!machine.Await(() => rings.TryTakeUsed(out used))) return $"request {sent} of {count} does not come back";
            if (used.Id > ushort.MaxValue || !lent.Remove((ushort)used.Id, out var buffers)) return $"used id {used.Id}, which no chain has";
            if ((buffers.Readable.FindDamage() ?? buffers.Writable.FindDamage()) is { } damage) return damage;
            if (used.Length > request.WritableLength) return $"request {sent} of {count} comes back with used length {used.Length}";
        }
        return null;
    }

    private static BufferElement Element(GuardedBuffer buffer, bool isWritable) => new(buffer.Address, (uint)buffer.Length, isWritable);
}
