using Viommu.Conformance.Oracle;
using Viommu.Conformance.Scripts;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Exploration;

/// <summary>
/// Legal, nearly legal and hostile operations. What the oracle knows of the state makes them meet: ranges beside, inside and across mappings,
/// accesses at their borders, endpoints where they are and where they are not.
/// </summary>
/// <param name="runner">Who does them.</param>
/// <param name="random">What they depend on, beside the state.</param>
/// <param name="inOnePiece">True to leave requests in one piece, for a device that is known to fail otherwise.</param>
internal sealed class RandomOperations(ScriptRunner runner, RandomSource random, bool inOnePiece)
{
    private const uint UnknownEndpoint = 0xffff_fff0;
    private const ulong NoMemory = 0x8000_0000_0000;
    private const int Domains = 4;

    private static readonly uint[] ChapterFeatures = [0, 1, 2, 4, 5, 6];

    private DeviceFacts Facts => runner.Oracle.Facts;

    private World Known => runner.Oracle.Known;

    private ulong Page => runner.Page;

    /// <summary>The features to accept: mostly all there are, sometimes without one or two.</summary>
    public ulong NextFeatures()
    {
        var features = Features.IommuChapter;
        if (!random.OneIn(4)) return features;
        features &= ~(1UL << (int)random.Pick<uint>(ChapterFeatures));
        return random.OneIn(3) ? features & ~(1UL << (int)random.Pick<uint>(ChapterFeatures)) : features;
    }

    /// <summary>The next operation.</summary>
    public ScriptOperation Next() => random.Next(200) switch
    {
        < 32 => Reframed(Attach()),
        < 44 => Reframed(Detach()),
        < 102 => Reframed(Map()),
        < 132 => Reframed(Unmap()),
        < 138 => Reframed(Probe()),
        < 188 => Dma(),
        < 195 => Bytes(),
        < 198 => new BypassOperation(random.OneIn(3) ? (byte)random.Next(256) : (byte)random.Next(2)),
        198 => new ResetOperation(),
        _ => runner.CanSystemReset && random.OneIn(4) ? new SystemResetOperation() : new ResetOperation(),
    };

    private AttachOperation Attach() => new(
        Domain(), Endpoint(),
        Flags: random.OneIn(6) ? AttachRequest.BypassFlag : random.OneIn(30) ? 1u << random.Next(32) : 0,
        Reserved: random.OneIn(30) ? OneByte() : 0);

    private DetachOperation Detach()
    {
        // Half of them from where the endpoint is.
        var attachments = Known.Attachments;
        if (attachments.Length > 0 && random.OneIn(2))
        {
            var attachment = attachments[random.Next(attachments.Length)];
            return new DetachOperation(Numbered(attachment.Domain), runner.Bindings.EndpointOf(attachment.Endpoint), Dirt());
        }
        return new DetachOperation(Domain(), Endpoint(), Dirt());

        ulong Dirt() => random.OneIn(10) ? random.Next64() : 0;
    }

    private MapOperation Map()
    {
        var domain = PopulatedDomain();
        var (first, last) = FreeRange(domain);
        var pages = (last - first) / Page + 1;
        var physical = random.OneIn(20)
            ? random.Pick<Symbol>(NoMemory, 0, unchecked(0 - Page), unchecked(0 - 2 * Page))
            : Symbol.Ram((ulong)random.Next((int)Math.Max(1, Math.Min(16, (runner.Memory.Last - runner.Memory.First + 1) / Page) - Math.Min(pages, 8))) * Page);
        var flags = random.OneIn(12) ? random.Pick(0u, MapFlags.Mmio, 6u, 7u, MapFlags.Write)
            : random.OneIn(30) ? 3u | 1u << random.Next(32)
            : random.Pick(MapFlags.Read, MapFlags.Write, 3u, 3u, 3u);
        if (random.OneIn(20)) physical = physical with { Value = unchecked(physical.Value + Bend()) };
        return new MapOperation(Numbered(domain), Address(Bent(first)), Address(Bent(last)), physical, flags);
    }

    private UnmapOperation Unmap()
    {
        var domain = PopulatedDomain();
        var (first, last) = random.OneIn(12) ? random.Pick((0UL, ulong.MaxValue), (Facts.InputFirst, Facts.InputLast)) : MappedRange(domain);
        return new UnmapOperation(Numbered(domain), Address(Bent(first)), Address(Bent(last)), random.OneIn(16) ? OneByte() : 0);
    }

    private ProbeOperation Probe() => new(
        Endpoint(),
        random.OneIn(4) ? random.Next(2 * runner.Bindings.ProbeSize + 2) : null,
        random.OneIn(4) ? (byte)random.Next(256) : (byte)0);

    private DmaOperation Dma()
    {
        var length = random.Pick(1, 2, 4, 8, 16, 64, 64, 64);
        var endpoint = random.Next(Math.Max(1, runner.Bindings.Endpoints.Count));
        return new DmaOperation(Symbol.Endpoint(endpoint), !random.OneIn(3), Address(AccessAddress(endpoint, (ulong)length)), length);
    }

    /// <summary>Bytes that are nearly a request: cut, longer, of another type, with a buffer of another size.</summary>
    private BytesOperation Bytes()
    {
        RequestOperation whole = random.Next(5) switch { 0 => Attach(), 1 => Detach(), 2 => Map(), 3 => Unmap(), _ => Probe() };
        var request = runner.Bindings.RequestOf(whole);
        var bytes = request.Encode();
        var writable = request.WritableLength;
        switch (random.Next(6))
        {
            case 0:
                bytes = bytes[..random.Next(bytes.Length)];
                break;
            case 1:
                bytes = [.. bytes, .. new byte[1 + random.Next(16)]];
                break;
            case 2:
                bytes[0] = random.Pick<byte>(0, 6, 0x7f, 0xff, (byte)random.Next(256));
                break;
            case 3:
                writable = random.Next(4);
                break;
            case 4:
                writable += 1 + random.Next(16);
                break;
            default:
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                break;
        }
        if (bytes.Length == 0 && writable == 0) writable = Request.TailSize;
        return new BytesOperation(Convert.ToHexStringLower(bytes), writable);
    }

    private RequestOperation Reframed(RequestOperation operation)
    {
        if (random.OneIn(12)) operation = operation with { HeadReserved = (uint)random.Next64() & 0xff_ffff };
        if (!random.OneIn(8) || inOnePiece) return operation;
        return operation with
        {
            Framing = new ScriptFraming(Pieces(20), Pieces(4), random.Next(4)),
        };

        string Pieces(int most) => random.Next(3) switch
        {
            0 => "",
            1 => $"{1 + random.Next(most)}",
            _ => $"{1 + random.Next(most)},{1 + random.Next(most)}",
        };
    }

    private Symbol Domain() => random.OneIn(40)
        ? random.Pick<Symbol>(0, uint.MaxValue, unchecked(Facts.DomainFirst - 1), unchecked(Facts.DomainLast + 1))
        : Numbered(FewDomains((uint)random.Next(Domains)));

    /// <summary>A domain that exists, if one does, most of the time.</summary>
    private uint PopulatedDomain()
    {
        var domains = Known.Domains;
        return domains.Length > 0 && !random.OneIn(8) ? domains[random.Next(domains.Length)].Id : FewDomains((uint)random.Next(Domains));
    }

    // 1 to 4 where the device has them; in any case domains that it has.
    private uint FewDomains(uint n) =>
        Facts.IsDomain(1) && Facts.IsDomain(Domains) ? 1 + n : Facts.DomainFirst + (uint)Math.Min(n, (ulong)Facts.DomainLast - Facts.DomainFirst);

    private Symbol Numbered(uint domain) =>
        Facts.DomainFirst > 1 && domain >= Facts.DomainFirst && domain - Facts.DomainFirst < Domains ? Symbol.Domain(domain - Facts.DomainFirst) : domain;

    private Symbol Endpoint() => random.OneIn(25) || runner.Bindings.Endpoints.Count == 0
        ? UnknownEndpoint + (ulong)random.Next(16)
        : Symbol.Endpoint(random.Next(runner.Bindings.Endpoints.Count));

    /// <summary>Pages that are mostly free, and often beside a mapping or a border.</summary>
    private (ulong First, ulong Last) FreeRange(uint domain)
    {
        var pages = (ulong)random.Pick(1, 1, 1, 1, 2, 3, 4);
        var first = random.Next(10) switch
        {
            0 => Edge(),
            1 => runner.Memory.First + (ulong)random.Next(16) * Page,
            2 or 3 when TryPickMapping(domain, out var mapping) => random.Pick(mapping.End + 1, unchecked(mapping.Start - pages * Page), mapping.Start, mapping.End - Page + 1),
            _ => Usual() + (ulong)random.Next(12) * Page,
        };
        return (first, unchecked(first + pages * Page - 1));
    }

    /// <summary>A mapping, a part of it, or it and its neighbourhood.</summary>
    private (ulong First, ulong Last) MappedRange(uint domain)
    {
        if (!TryPickMapping(domain, out var mapping)) return FreeRange(domain);
        return random.Next(8) switch
        {
            0 => (mapping.Start, mapping.Start + Page - 1),
            1 => (mapping.End - Page + 1, mapping.End),
            2 => (mapping.Start, unchecked(mapping.End + Page)),
            3 => (unchecked(mapping.Start - Page), mapping.End),
            4 when TryPickMapping(domain, out var other) => (Math.Min(mapping.Start, other.Start), Math.Max(mapping.End, other.End)),
            5 when TryPickMapping(domain, out var other) => (Math.Min(mapping.Start, other.Start), Math.Max(mapping.Start + Page - 1, other.Start + Page - 1)),
            _ => (mapping.Start, mapping.End),
        };
    }

    private bool TryPickMapping(uint domain, out Mapping mapping)
    {
        mapping = default;
        var seen = 0;
        foreach (ref readonly var candidate in Known.Mappings)
        {
            if (candidate.Domain == domain && random.OneIn(++seen)) mapping = candidate;
        }
        return seen > 0;
    }

    /// <summary>Inside, across and beside mappings; where nothing is; and where the memory itself is.</summary>
    private ulong AccessAddress(int endpoint, ulong length)
    {
        var mappings = Known.Mappings;
        if (mappings.Length == 0 || random.OneIn(6)) return runner.Memory.First + (ulong)random.Next(16) * Page + (ulong)random.Next(2) * (Page - length);
        if (random.OneIn(8)) return Usual() + (ulong)random.Next(12) * Page;
        var domain = runner.Bindings.Endpoints.Count > 0 ? Known.DomainOf(runner.Bindings.Endpoints[endpoint]) : null;
        if (domain is null || random.OneIn(6) || !TryPickMapping(domain.Value, out var mapping)) mapping = mappings[random.Next(mappings.Length)];
        return random.Next(8) switch
        {
            0 => unchecked(mapping.Start - length),
            1 => unchecked(mapping.End + 1),
            2 => unchecked(mapping.Start - length / 2),
            3 => unchecked(mapping.End - length / 2 + 1),
            4 => unchecked(mapping.End - length + 1),
            5 => mapping.Start + (mapping.End - mapping.Start) / 2,
            _ => mapping.Start,
        };
    }

    // Far from both ends, inside input_range.
    private ulong Usual()
    {
        var at = Math.Max(Facts.InputFirst, Math.Min(0x1000_0000, Facts.InputLast / 2));
        return unchecked(at + Page - 1) & ~(Page - 1);
    }

    /// <summary>The borders that the configuration and the endpoints have, and those of the address space.</summary>
    private ulong Edge()
    {
        var endpoints = Facts.Endpoints;
        if (endpoints.Length > 0 && random.OneIn(2))
        {
            var regions = endpoints[random.Next(endpoints.Length)].Regions;
            if (regions.Length > 0)
            {
                var region = regions[random.Next(regions.Length)];
                return random.Pick<ulong>(region.Start, region.Start - Page, region.End + 1, region.End - Page + 1) & ~(Page - 1);
            }
        }
        return random.Pick<ulong>(0, Page, Facts.InputFirst, Facts.InputLast - Page + 1, Facts.InputLast - 2 * Page + 1, unchecked(Facts.InputFirst - Page), unchecked(Facts.InputLast + 1),
            unchecked(0 - Page)) & ~(Page - 1);
    }

    private ulong Bent(ulong address) => random.OneIn(25) ? unchecked(address + Bend()) : address;

    private ulong Bend() => random.Pick<ulong>(1, Page / 2, ulong.MaxValue, unchecked(0 - Page / 2));

    private uint OneByte() => (uint)(1 + random.Next(255)) << 8 * random.Next(4);

    private Symbol Address(ulong address) =>
        address >= runner.Memory.First && address <= runner.Memory.Last ? Symbol.Ram(address - runner.Memory.First) : address;
}
