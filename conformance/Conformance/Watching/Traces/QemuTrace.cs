using Viommu.Guest.Wire;

namespace Viommu.Conformance.Watching.Traces;

/// <summary>
/// The <c>virtio_iommu_*</c> trace events of QEMU, one a line. They show fields of requests and the status, but neither bytes nor answers:
/// MAP is printed once it has succeeded, ATTACH, DETACH and UNMAP before it is known whether they do.
/// </summary>
internal sealed class QemuTrace(Action<Observation> see) : ITraceParser
{
    private DeviceStatus status;

    public WatchedTransport Transport => WatchedTransport.Unknown;

    public Sight Sees => Sight.Status | Sight.Requests;

    public long Recognised { get; private set; }

    public void Line(string text, string where)
    {
        if (QemuEvent.Find(text) is not { } found) return;
        Recognised++;
        foreach (var seen in Meaning(found)) see(seen with { Where = where });
    }

    // Events that are not here say nothing of the driver: what the device allocates, translates, and tells its backends.
    private IEnumerable<Observation> Meaning(QemuEvent found) => found.Name switch
    {
        "system_reset" => [new SystemWasReset()],
        "device_status" => Status((DeviceStatus)Byte(found, "driver status")),
        "get_config" => [new ConfigShown(Config(found))],
        "attach" => Request(new SentRequest.Attach(found.Number32("domain"), found.Number32("endpoint"), null, null)),
        "detach" => Request(new SentRequest.Detach(found.Number32("domain"), found.Number32("endpoint"), null)),
        "map" => Request(new SentRequest.Map(
            found.Number32("domain"), found.Number("virt_start"), found.Number("virt_end"), found.Number("phys_start"), found.Number32("flags"))),
        "unmap" => Request(new SentRequest.Unmap(found.Number32("domain"), found.Number("virt_start"), found.Number("virt_end"), null)),
        "put_domain" => [new DomainFreed(found.Number32("domain"))],
        "fill_resv_property" => [new RegionShown(found.Number32("dev"), new ReservedRange(found.Number("start"), found.Number("end"), found.Number("type") == 1))],
        "report_fault" => [new FaultDelivered(
            new FaultReport(Byte(found, "reason"), 0, found.Number32("flags"), found.Number32("endpoint"), 0, found.Number("address")), FaultReport.Size)],
        _ => [],
    };

    private IEnumerable<Observation> Status(DeviceStatus now)
    {
        // QEMU takes DRIVER_OK away by itself where the guest clears Bus Master Enable, and gives it back: no write of the driver.
        var before = status;
        status = now;
        return now != before && (now ^ before) == DeviceStatus.DriverOk && (before & DeviceStatus.DriverOk) != 0 ? [] : [new StatusWritten(now)];
    }

    private static IEnumerable<Observation> Request(SentRequest request) => [new RequestSent(request, null), new RequestAnswered(request, null, Outcome.NotShown)];

    private static IommuConfig Config(QemuEvent found) => new(
        found.Number("page_size_mask"), found.Number("input range start"), found.Number("input range end"),
        found.Number32("domain range start"), found.Number32("domain range end"), found.Number32("probe_size"), Byte(found, "bypass"));

    private static byte Byte(QemuEvent found, string name) =>
        found.Number(name) is <= byte.MaxValue and var value ? (byte)value : throw new FormatException($"virtio_iommu_{found.Name} with a '{name}' of more than 8 bits");
}
