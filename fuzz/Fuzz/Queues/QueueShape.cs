using Viommu.Fuzz.Engine.Mutation;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Queues;

/// <summary>What a step of a queue program does.</summary>
internal enum QueueStep : byte
{
    /// <summary>Makes requests available, and notifies.</summary>
    Submit,

    /// <summary>Notifies, whether there is anything new or not.</summary>
    Notify,

    /// <summary>Says of what the driver wants to be notified.</summary>
    Suppress,

    /// <summary>Resets the device and initialises it again.</summary>
    DeviceReset,

    /// <summary>Resets the queue and sets it up again (2.6.1, 2.6.2).</summary>
    QueueReset,

    /// <summary>Suspends the device and resumes it (3.4).</summary>
    Suspend,

    /// <summary>Resets the machine and initialises the device again.</summary>
    SystemReset,

    /// <summary>Makes something available that no driver may, and then a good request; then resets the device.</summary>
    Malform,

    /// <summary>Has the device serve many small requests, so that the ring comes round.</summary>
    Lap,
}

/// <summary>
/// The layout of queue programs. Header: features wanted (8), packed (1), size (1), what buffers are filled with (1), cares (1), zero (4). Step:
/// kind (1), how (1), count (1), what for (1), value (4), features (8).
/// </summary>
internal static class QueueShape
{
    public const int HeaderSize = 16;
    public const int StepSize = 16;
    public const int MaximumSteps = 24;
    public const int KindCount = 9;

    public const int PackedOffset = 8;
    public const int SizeOffset = 9;
    public const int FillOffset = 10;
    public const int CaresOffset = 11;

    /// <summary>How a request is cut, or what happens meanwhile.</summary>
    public const int How = 1;
    public const int Count = 2;

    /// <summary>Whether requests are held back, and how much room their answers have.</summary>
    public const int Room = 3;
    public const int Value = 4;
    public const int Wanted = 8;

    /// <summary>A request is available, and notified of, before DRIVER_OK.</summary>
    public const int IsEarly = 1;

    /// <summary>The driver notifies only where the device asks for it.</summary>
    public const int IsQuiet = 2;

    /// <summary>SUSPEND is written before the device runs.</summary>
    public const int SuspendsEarly = 4;

    /// <summary>The index of the ring has almost come round when the program begins; that takes its time.</summary>
    public const int IsFar = 8;

    /// <summary>Requests are not notified of yet.</summary>
    public const int IsHeld = 0x80;

    /// <summary>While a queue is reset: a request on it; then another place, and another vector.</summary>
    public const int KnocksMeanwhile = 1;
    public const int IsElsewhere = 2;
    public const int MovesVector = 4;

    /// <summary>While the device is suspended: a request, which no driver may make available; a write of bypass; a change of it by the machine.</summary>
    public const int WritesBypass = 2;
    public const int ChangesBypass = 4;

    private static readonly ulong[] _features =
    [
        ulong.MaxValue, ulong.MaxValue, ~Features.EventIdx, ~Features.InOrder, ~Features.NotificationData, ~(Features.InOrder | Features.NotificationData),
        ~(Features.EventIdx | Features.InOrder | Features.NotificationData), ~Features.IndirectDesc, ~Features.RingReset, ~Features.Suspend, Features.EventIdx, 0,
    ];

    private static readonly Field _wanted = new("features", Wanted, 8, FieldKind.Flags, _features);

    public static InputShape Shape { get; } = new()
    {
        HeaderSize = HeaderSize,
        RecordSize = StepSize,
        MaximumRecords = MaximumSteps,
        Header =
        [
            new("features", 0, 8, FieldKind.Flags, _features),
            new("packed", PackedOffset, 1, FieldKind.Choice, 0, 1),
            new("size", SizeOffset, 1, FieldKind.Choice, 1, 2, 3, 4, 5, 6, 6, 6, 7, 63),
            new("fill", FillOffset, 1, FieldKind.Choice, 0, 0xa5, 0xff),
            new("cares", CaresOffset, 1, FieldKind.Choice, [.. Enumerable.Repeat(0UL, 16), IsEarly, IsEarly, IsQuiet, IsQuiet, IsQuiet, SuspendsEarly, SuspendsEarly, IsEarly | SuspendsEarly, IsQuiet | IsEarly, IsFar]),
        ],
        Kinds =
        [
            new("submit", 12, new("cut", How, 1, FieldKind.Choice, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8), new("count", Count, 1, FieldKind.Choice, 1, 1, 1, 2, 3, 8, 21, 64),
                new("room", Room, 1, FieldKind.Choice, 0, 0, 0, 0, 1, 2, 3, IsHeld), new("requests", Value, 4, FieldKind.Number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)),
            new("notify", 2),
            new("suppress", 6, new("how", How, 1, FieldKind.Choice, 0, 1, 2, 2), new("ahead", Count, 1, FieldKind.Choice, 0, 0, 1, 2, 3, 8, 64, 255)),
            new("device-reset", 1, new("how", How, 1, FieldKind.Choice, 0, KnocksMeanwhile), _wanted),
            new("queue-reset", 2, new("how", How, 1, FieldKind.Choice, 0, 1, 2, 3, 4, 7), new("size", Count, 1, FieldKind.Choice, 1, 2, 3, 4, 5, 6, 6, 6, 7, 63)),
            new("suspend", 2, new Field("how", How, 1, FieldKind.Choice, 0, 0, 1, 2, 4, 6, 7)),
            new("system-reset", 1),
            new("malform", 1, new Field("how", How, 1, FieldKind.Choice, 0, 1, 2)),
            new("lap", 1, new Field("requests", Count, 1, FieldKind.Choice, 8, 16, 32, 64, 128)),
        ],
    };
}
