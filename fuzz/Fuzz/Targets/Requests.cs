using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Targets;

/// <summary>Requests as targets set machines up with.</summary>
internal static class Requests
{
    public const int TailSize = 4;
    public const uint Bypass = 1;
    public const uint Read = 1;
    public const uint Write = 2;
    public const uint ReadWrite = 3;

    public static byte[] Attach(uint domain, uint endpoint, uint flags = 0) => new AttachRequest(domain, endpoint) { Flags = flags }.Encode();

    public static byte[] Detach(uint domain, uint endpoint) => new DetachRequest(domain, endpoint).Encode();

    public static byte[] Map(uint domain, ulong first, ulong last, ulong physical, uint flags) => new MapRequest(domain, first, last, physical, flags).Encode();

    public static byte[] Unmap(uint domain, ulong first, ulong last) => new UnmapRequest(domain, first, last).Encode();

    public static byte[] Probe(uint endpoint) => new ProbeRequest(endpoint, (int)Machines.TestBed.ProbeSize).Encode();

    public static string Name(byte type) => type switch
    {
        RequestLayout.Attach => "attach",
        RequestLayout.Detach => "detach",
        RequestLayout.Map => "map",
        RequestLayout.Unmap => "unmap",
        RequestLayout.Probe => "probe",
        _ => "unknown",
    };

}
