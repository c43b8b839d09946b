using System.Buffers.Binary;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Queues;

/// <summary>
/// The side of a ring that a driver which keeps its rules has: makes requests available, says of what it wants to be notified, and reads
/// what was used. It is written from the spec, and shares nothing with a device.
/// </summary>
internal abstract class DriverRing(ShadowedMemory memory)
{
    /// <summary>Where no machine has memory.</summary>
    protected const ulong Unreachable = 0xffff_ffff_ffff_f000;

    private const int MostOfElement = 16;
    private const int WatchedSize = MostOfElement + QueueLayout.MostWritable;

    protected const int DescriptorSize = 16;
    protected const ushort Next = 1;
    protected const ushort Write = 2;
    protected const ushort Indirect = 4;

    private readonly Dictionary<ushort, LentRequest> _lent = new(QueueLayout.LargestSize);

    // What could be read when the device showed each element of now: the element, then the answer that it counts.
    private readonly byte[] _watched = new byte[QueueLayout.LargestSize * WatchedSize];
    private readonly int[] _watchedAnswers = new int[QueueLayout.LargestSize];
    private int _watchedCount;
    private int _elements;
    private bool _isMet;
    private bool _isPassed;

    /// <summary>Requests that the device has in hand.</summary>
    public int Outstanding => _lent.Count;

    public int Size { get; private set; }

    /// <summary>Where it is in memory.</summary>
    public int Place { get; private set; }

    /// <summary>Used since the last <see cref="Expect"/>.</summary>
    public int UsedCount { get; private set; }

    /// <summary>Where the driver is, as a notification with NOTIFICATION_DATA says it (2.9).</summary>
    public abstract ushort Position { get; }

    /// <summary>How far the device is, by what it has written alone, to see whether it leaves a ring alone.</summary>
    public abstract int DevicePosition { get; }

    /// <summary>The clause that a ring breaks whose device does not notify of what was used, as the driver has asked it to; and one that notifies otherwise.</summary>
    public abstract (string Missing, string Unwanted) NotificationClauses { get; }

    protected bool HasEventIdx { get; private set; }

    protected bool HasInOrder { get; private set; }

    /// <summary>The ring is fresh.</summary>
    public virtual void Begin(int place, int size, ulong negotiated)
    {
        (Place, Size) = (place, size);
        HasEventIdx = (negotiated & Features.EventIdx) != 0;
        HasInOrder = (negotiated & Features.InOrder) != 0;
        Forget();
        memory.Bytes.Slice(place, QueueLayout.PlaceSize).Clear();
        Expect();
    }

    /// <summary>The device has nothing in hand any more.</summary>
    protected void Forget()
    {
        foreach (var request in _lent.Values) request.IsLent = false;
        _lent.Clear();
    }

    /// <summary>True where so many more descriptors of the ring are free.</summary>
    public abstract bool HasRoom(int entries);

    /// <summary>Writes the descriptors of a request. A device sees it once it was published.</summary>
    public void Add(LentRequest request, Cutting cutting)
    {
        Describe(request, cutting);
        request.IsLent = true;
        _lent.Add(request.Id, request);
    }

    /// <summary>Writes what no driver may, in the place of a request.</summary>
    public abstract void AddMalformed(LentRequest request, int kind);

    /// <summary>Shows the device what was added.</summary>
    public abstract void Publish();

    /// <summary>Whether the device asks to be notified of what was published since <paramref name="since"/>.</summary>
    public abstract bool WantsNotification(ushort since);

    /// <summary>Says what the driver wants to be notified of: how, and how far ahead where that counts.</summary>
    public abstract void Suppress(int mode, int ahead);

    /// <summary>What is wrong with the device's own part of suppression: a clause, or null.</summary>
    public abstract string? JudgeDeviceFlags();

    /// <summary>What is wrong with the ring itself once nothing is outstanding: a clause, or null.</summary>
    public virtual string? JudgeRest() => null;

    /// <summary>From here on used requests count for the next notification.</summary>
    public void Expect()
    {
        (_isMet, _isPassed, UsedCount, _watchedCount, _elements) = (false, false, 0, 0, 0);
        WatchFromHere();
    }

    /// <summary>The device has written to memory: whatever elements it shows now a driver could read now, with the answers that they count.</summary>
    public void Watch()
    {
        // With IN_ORDER only the driver knows where the second is: behind the batch that the first one stands for.
        int most = HasInOrder ? 1 : Math.Max(1, Outstanding);
        while (_watchedCount < most && TryWatchNext())
        {
        }
    }

    /// <summary>
    /// Whether a driver that has looked all the time has read of the element at which this one is due what is there now; a clause, or null. It
    /// has to come before <see cref="Advance"/>.
    /// </summary>
    public string? JudgeOrder(LentRequest request)
    {
        int number = _elements++;
        if (number >= _watchedCount) return null;
        var watched = _watched.AsSpan(number * WatchedSize, WatchedSize);
        if (!DueElement.SequenceEqual(watched[..DueElement.Length])) return LateElementClause;
        int length = _watchedAnswers[number];
        return Anywhere(QueueLayout.Writable(request.Slot), length).SequenceEqual(watched.Slice(MostOfElement, length)) ? null : LateAnswerClause;
    }

    /// <summary>Whether the device has to notify of what was used since <see cref="Expect"/>; null where the text leaves it open.</summary>
    public bool? IsNotificationDue() => UsedCount == 0 ? null : IsDue(_isMet, _isPassed);

    /// <summary>The next used element; false where there is none.</summary>
    public abstract bool TryReadUsed(out ushort id, out uint length, out bool isWritten);

    /// <summary>The request of that name; null where the device has none such in hand.</summary>
    public LentRequest? Find(ushort id) => _lent.GetValueOrDefault(id);

    /// <summary>The request was used; with others of a batch that the same element stands for, the last of them.</summary>
    public virtual void Take(LentRequest request)
    {
        _lent.Remove(request.Id);
        request.IsLent = false;
        UsedCount++;
    }

    /// <summary>An element stands for so many requests, and so many descriptors of the ring.</summary>
    public abstract void Advance(int requests, int entries);

    /// <summary>The clause of a device that shows an element before it has written all of it.</summary>
    public abstract string LateElementClause { get; }

    /// <summary>The clause of a device that shows an element before it has written the answer that it counts.</summary>
    public abstract string LateAnswerClause { get; }

    /// <summary>What the device writes of the element at which the driver is due, as it lies there.</summary>
    protected abstract ReadOnlySpan<byte> DueElement { get; }

    /// <summary>The next element to be watched is the one at which the driver is due.</summary>
    protected abstract void WatchFromHere();

    /// <summary>Records the next element if the device shows it.</summary>
    protected abstract bool TryWatchNext();

    protected abstract bool? IsDue(bool isMet, bool isPassed);

    /// <summary>Writes the descriptors of a request, and names it.</summary>
    protected abstract void Describe(LentRequest request, Cutting cutting);

    /// <summary>An element was used at the place that the driver waits for, or one that stands for several which has it among them.</summary>
    protected void Note(bool isMet, bool isPassed)
    {
        _isMet |= isMet;
        _isPassed |= isPassed;
    }

    protected void Record(ReadOnlySpan<byte> element, LentRequest? request, uint length)
    {
        if (_watchedCount == QueueLayout.LargestSize) return;
        var watched = _watched.AsSpan(_watchedCount * WatchedSize, WatchedSize);
        element.CopyTo(watched);
        int counted = request is null ? 0 : (int)Math.Min(length, (uint)request.WritableLength);
        if (request is not null) Anywhere(QueueLayout.Writable(request.Slot), counted).CopyTo(watched[MostOfElement..]);
        _watchedAnswers[_watchedCount++] = counted;
    }

    protected Span<byte> Bytes(int offset, int length) => memory.Bytes.Slice(Place + offset, length);

    protected Span<byte> Anywhere(int offset, int length) => memory.Bytes.Slice(offset, length);

    protected ushort Get16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(offset, 2));

    protected void Put16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Bytes(offset, 2), value);
}
