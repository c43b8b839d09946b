using Viommu.Guest.Driver;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>
/// IOMMU Device / Device operations / Fault reporting. A device can report faults and need not, so a device that reports none is not judged.
/// </summary>
internal static class FaultReporting
{
    // One access that no bus splits: some endpoints fault once for every four bytes.
    private const int AccessLength = 4;
    private static readonly int[] TooSmall = [8, 16, 23];
    private static readonly Action<DmaEndpoint, ulong>[] Accesses = [(endpoint, at) => endpoint.Write(at, AccessLength), (endpoint, at) => endpoint.Read(at, AccessLength)];
    private const uint DefinedFlags = FaultReport.ReadFlag | FaultReport.WriteFlag | FaultReport.AddressFlag;

    [Check("IOMMU-FAULT-D-01",
        Does = "Provokes faults by reads and writes at unmapped addresses into poisoned event buffers.",
        Reading = "Bytes 1 to 3 and 12 to 15 of each report are zero.")]
    internal static void Reserved_fields_of_a_report_are_zero(CheckContext check)
    {
        foreach (var report in Provoke(check).Select(fault => fault.Report))
            That(report is { Reserved: 0, Reserved1: 0 }, "reserved and reserved1 zero", $"reserved 0x{report.Reserved:x6}, reserved1 0x{report.Reserved1:x8}");
    }

    [Check("IOMMU-FAULT-D-02",
        Does = "Provokes faults by reads and writes at unmapped addresses.",
        Reading = "No flag but READ, WRITE and ADDRESS is set.")]
    internal static void Undefined_flags_of_a_report_are_zero(CheckContext check)
    {
        foreach (var report in Provoke(check).Select(fault => fault.Report))
            That((report.Flags & ~DefinedFlags) == 0, $"flags within 0x{DefinedFlags:x}", $"0x{report.Flags:x}");
    }

    [Check("IOMMU-FAULT-D-03",
        Does = "Provokes faults from each endpoint.",
        Reading = "The report names an endpoint that made an access; a late report may be that of an earlier one.")]
    internal static void A_report_names_the_endpoint(CheckContext check)
    {
        var seen = new List<uint>();
        foreach (var (endpoint, _, report) in Provoke(check))
        {
            seen.Add(endpoint);
            That(seen.Contains(report.Endpoint), $"endpoint {string.Join(" or ", seen.Distinct().Select(id => $"0x{id:x}"))}", $"endpoint 0x{report.Endpoint:x}");
        }
    }

    [Check("IOMMU-FAULT-D-04",
        Does = "Provokes faults and looks at the address of the reports that have one.",
        Reading = "With F_ADDRESS the address lies in the granule of an access; without it nothing is asked. The note tells whether the device gives addresses.")]
    internal static void The_address_of_a_report_may_be_left_out(CheckContext check)
    {
        var faults = Provoke(check);
        foreach (var (_, at, report) in faults.Where(fault => fault.Report.HasAddress))
            That((report.Address & ~(check.Unit - 1)) == (at & ~(check.Unit - 1)), $"an address in the granule of 0x{at:x}", $"0x{report.Address:x}");
        check.Note = faults.TrueForAll(fault => fault.Report.HasAddress) ? "reports have addresses" : "reports leave addresses out";
    }

    [Check("IOMMU-FAULT-D-05",
        Does = "Posts event buffers of 8, 16 and 23 bytes, too small for a report, and provokes one fault.",
        Reading = "At most one of them comes back written; buffers that come back empty describe nothing.")]
    internal static void A_report_is_not_spread_over_several_buffers(CheckContext check)
    {
        var written = FaultIntoSmallBuffers(check).Where(used => used.UsedLength > 0).ToList();
        That(written.Count <= 1, "one buffer at most written for one fault", $"{written.Count}: lengths {string.Join(", ", written.Select(used => used.UsedLength))}");
    }

    [Check("IOMMU-FAULT-D-06",
        Does = "Posts event buffers of 8, 16 and 23 bytes, too small for a report, and provokes one fault.",
        Reading = "Dropping it, waiting, an empty buffer and a shorter report are all fine, as long as nothing is written past a buffer. The note tells which.")]
    internal static void A_report_may_be_shortened_to_fit(CheckContext check)
    {
        // Taking the events back fails where one claims more than its buffer, or where anything was written past one.
        var events = FaultIntoSmallBuffers(check);
        check.Note = events.Count == 0 ? "no buffer is used" : $"a buffer of {events[0].Lent.Length} bytes is used with length {events[0].UsedLength}";
    }

    [Check("DESC-IOMMU-16",
        Does = "With no bypass mode in force, has an endpoint without a domain write and read.",
        Reading = "If there is a report, its reason is DOMAIN (1), or UNKNOWN where the device cannot tell; the note says which.")]
    internal static void The_reason_without_a_domain_is_DOMAIN(CheckContext check)
    {
        var endpoint = check.Dma(0);
        var driver = DeviceOperations.StartWithoutBypass(check, new DriverSettings { EventBuffers = 4 });
        var page = check.Identity(1);
        endpoint.Write(page, AccessLength);
        var reports = Reports(check, driver);
        endpoint.Read(page, AccessLength);
        reports.AddRange(Reports(check, driver));
        Judge(check, reports, FaultReport.ReasonDomain, "DOMAIN (1)");
    }

    [Check("DESC-IOMMU-17",
        Does = "Has an attached endpoint write and read where nothing is mapped, and write where a mapping is for reading only.",
        Reading = "If there are reports, their reason is MAPPING (2), or UNKNOWN where the device cannot tell; the note says which.")]
    internal static void The_reason_without_a_matching_mapping_is_MAPPING(CheckContext check)
    {
        check.Requires(Features.MapUnmap);
        var endpoint = check.Dma(0);
        var driver = check.Start(new DriverSettings { EventBuffers = 4 });
        var at = check.Virtual(2);
        Given(driver.Attach(check.Domain(0), endpoint.Id));
        Given(driver.Map(check.Domain(0), at + check.Unit, at + 2 * check.Unit - 1, check.Physical(1), MapFlags.Read));
        endpoint.Write(at, AccessLength);
        var reports = Reports(check, driver);
        endpoint.Read(at, AccessLength);
        reports.AddRange(Reports(check, driver));
        endpoint.Write(at + check.Unit, AccessLength);
        reports.AddRange(Reports(check, driver));
        Judge(check, reports, FaultReport.ReasonMapping, "MAPPING (2)");
    }

    /// <summary>
    /// Faults by a write and a read of each endpoint at unmapped addresses, each with the report it caused. A device may report some and not others: N/A where there is
    /// no report at all.
    /// </summary>
    private static List<(uint Endpoint, ulong At, FaultReport Report)> Provoke(CheckContext check)
    {
        var faults = new List<(uint, ulong, FaultReport)>();
        var endpoints = Enumerable.Range(0, Math.Max(1, check.Endpoints.Count)).Select(check.Dma).ToList();
        var driver = check.Start(new DriverSettings { EventBuffers = 4 * endpoints.Count });
        var at = check.Virtual(2);
        for (var n = 0; n < endpoints.Count; n++)
        {
            var endpoint = endpoints[n];
            Given(driver.Attach(check.Domain((uint)n), endpoint.Id));
            endpoint.Write(at, AccessLength);
            faults.AddRange(Reports(check, driver).Select(report => (endpoint.Id, at, report)));
            endpoint.Read(at + 16, AccessLength);
            faults.AddRange(Reports(check, driver).Select(report => (endpoint.Id, at + 16, report)));
        }
        return faults.Count > 0 ? faults : throw NotReported();
    }

    // A device does its best to find the closest match (5.13.6.9), which can be UNKNOWN, but not the reason of the other case.
    private static void Judge(CheckContext check, List<FaultReport> reports, byte reason, string name)
    {
        if (reports.Count == 0) throw NotReported();
        foreach (var report in reports)
        {
            That(report.Reason == reason || report.Reason == FaultReport.ReasonUnknown, $"reason {name}, or UNKNOWN (0)", $"reason {report.Reason}");
            if (report.Reason == FaultReport.ReasonUnknown) check.Note = "the reason is UNKNOWN";
        }
    }

    private static IReadOnlyList<EventBuffer> FaultIntoSmallBuffers(CheckContext check)
    {
        // A device that reports nothing into a buffer that is large enough says nothing by reporting nothing into small ones.
        var endpoint = check.Dma(0);
        var access = Accesses.FirstOrDefault(IsReported) ?? throw NotReported();
        var driver = check.Start();
        foreach (var size in TooSmall.Take(driver.Events.Size)) driver.PostEventBuffer(size);
        return Faulted(driver, access);

        bool IsReported(Action<DmaEndpoint, ulong> tried) => Faulted(check.Start(new DriverSettings { EventBuffers = 4 }), tried).Count > 0;

        IReadOnlyList<EventBuffer> Faulted(IommuDriver driver, Action<DmaEndpoint, ulong> access)
        {
            Given(driver.Attach(check.Domain(0), endpoint.Id));
            access(endpoint, check.Virtual(1));
            check.Machine.Target.Settle();
            return driver.TakeEvents();
        }
    }

    /// <summary>The whole reports that have come in.</summary>
    private static List<FaultReport> Reports(CheckContext check, IommuDriver driver)
    {
        check.Machine.Target.Settle();
        return driver.TakeEvents().Select(used => used.Report).OfType<FaultReport>().ToList();
    }

    private static NotApplicableException NotReported() => new("the device does not report these faults");
}
