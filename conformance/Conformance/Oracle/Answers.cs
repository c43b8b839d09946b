using Viommu.Guest.Wire;

namespace Viommu.Conformance.Oracle;

/// <summary>What can become of a request, as a set: a status in its tail, or a way of having none.</summary>
[Flags]
public enum Answers : ushort
{
    /// <summary>Nothing at all.</summary>
    None = 0,

    /// <summary>VIRTIO_IOMMU_S_OK.</summary>
    Ok = 1 << 0,

    /// <summary>VIRTIO_IOMMU_S_IOERR.</summary>
    IoErr = 1 << 1,

    /// <summary>VIRTIO_IOMMU_S_UNSUPP.</summary>
    Unsupp = 1 << 2,

    /// <summary>VIRTIO_IOMMU_S_DEVERR.</summary>
    DevErr = 1 << 3,

    /// <summary>VIRTIO_IOMMU_S_INVAL.</summary>
    Inval = 1 << 4,

    /// <summary>VIRTIO_IOMMU_S_RANGE.</summary>
    Range = 1 << 5,

    /// <summary>VIRTIO_IOMMU_S_NOENT.</summary>
    NoEnt = 1 << 6,

    /// <summary>VIRTIO_IOMMU_S_FAULT.</summary>
    Fault = 1 << 7,

    /// <summary>VIRTIO_IOMMU_S_NOMEM.</summary>
    NoMem = 1 << 8,

    /// <summary>A status that the spec does not name.</summary>
    Unnamed = 1 << 9,

    /// <summary>Returned without a status: the used length does not reach the tail.</summary>
    Unwritten = 1 << 10,

    /// <summary>Not returned: the device asks for a reset instead.</summary>
    NotReturned = 1 << 11,

    /// <summary>Any status that says no.</summary>
    AnyRejection = IoErr | Unsupp | DevErr | Inval | Range | NoEnt | Fault | NoMem | Unnamed,

    /// <summary>Any status.</summary>
    AnyStatus = Ok | AnyRejection,

    /// <summary>Returned, in whatever way.</summary>
    AnyReturn = AnyStatus | Unwritten,

    /// <summary>The device's own limits, which it can meet at any time.</summary>
    Exhausted = NoMem | DevErr,
}

/// <summary>Names of answers.</summary>
internal static class AnswerNames
{
    /// <summary>The answer that a status byte is.</summary>
    public static Answers Of(byte status) => status <= (byte)RequestStatus.NoMem ? (Answers)(1 << status) : Answers.Unnamed;

    /// <summary>The names of a set, joined by "or".</summary>
    public static string Describe(this Answers answers)
    {
        var names = new List<string>();
        for (var bit = 0; bit <= 11; bit++)
        {
            if (((int)answers >> bit & 1) == 0) continue;
            names.Add((Answers)(1 << bit) switch
            {
                Answers.Unnamed => "a status of no name",
                Answers.Unwritten => "unwritten",
                Answers.NotReturned => "DEVICE_NEEDS_RESET",
                _ => ((RequestStatus)bit).Name(),
            });
        }
        return names.Count == 0 ? "nothing" : string.Join(" or ", names);
    }
}
