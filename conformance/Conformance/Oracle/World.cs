namespace Viommu.Conformance.Oracle;

/// <summary>A mapping: its domain, its inclusive range, where it leads, and its flags.</summary>
/// <param name="Domain">The domain.</param>
/// <param name="Start">First virtual address.</param>
/// <param name="End">Last virtual address.</param>
/// <param name="Physical">Where the first address leads.</param>
/// <param name="Flags">The flags of the MAP request.</param>
internal readonly record struct Mapping(uint Domain, ulong Start, ulong End, ulong Physical, uint Flags)
{
    /// <summary>The clause that is broken if the mapping turns out to be gone.</summary>
    public OracleClause Suspect { get; init; } = OracleClause.DescIommu13;

    public bool Overlaps(ulong first, ulong last) => Start <= last && first <= End;

    public ulong Translate(ulong address) => unchecked(address - Start + Physical);

    /// <summary>True for the same mapping, whatever may be suspected of it.</summary>
    public bool Same(in Mapping other) =>
        Domain == other.Domain && Start == other.Start && End == other.End && Physical == other.Physical && Flags == other.Flags;
}

/// <summary>A domain that exists.</summary>
internal readonly record struct DomainEntry(uint Id, bool IsBypass);

/// <summary>An endpoint that is attached.</summary>
internal readonly record struct Attachment(uint Endpoint, uint Domain);

/// <summary>
/// One state that the device can be in: plain lists, walked from end to end. A domain exists exactly while an endpoint is attached to it.
/// </summary>
internal sealed class World
{
    private readonly PlainList<DomainEntry> domains = new();
    private readonly PlainList<Attachment> attachments = new();
    private readonly PlainList<Mapping> mappings = new();

    /// <summary>The <c>bypass</c> field of the configuration is 1.</summary>
    public bool Bypass { get; set; }

    public ReadOnlySpan<DomainEntry> Domains => domains.Items;

    public ReadOnlySpan<Attachment> Attachments => attachments.Items;

    public ReadOnlySpan<Mapping> Mappings => mappings.Items;

    /// <summary>Forgets domains, attachments and mappings, as a device reset does.</summary>
    public void Clear()
    {
        domains.Clear();
        attachments.Clear();
        mappings.Clear();
    }

    public void CopyFrom(World other)
    {
        domains.CopyFrom(other.domains);
        attachments.CopyFrom(other.attachments);
        mappings.CopyFrom(other.mappings);
        Bypass = other.Bypass;
    }

    /// <summary>True where nothing tells the two apart; the order of the lists does not count.</summary>
    public bool SameAs(World other)
    {
        if (Bypass != other.Bypass || domains.Count != other.domains.Count || attachments.Count != other.attachments.Count || mappings.Count != other.mappings.Count)
            return false;
        foreach (var domain in Domains)
        {
            if (other.Domains.IndexOf(domain) < 0) return false;
        }
        foreach (var attachment in Attachments)
        {
            if (other.Attachments.IndexOf(attachment) < 0) return false;
        }
        foreach (ref readonly var mapping in Mappings)
        {
            if (!other.Holds(mapping)) return false;
        }
        return true;
    }

    public bool Holds(in Mapping mapping)
    {
        foreach (ref readonly var held in Mappings)
        {
            if (held.Same(mapping)) return true;
        }
        return false;
    }

    public bool TryFindDomain(uint id, out DomainEntry domain)
    {
        foreach (var entry in Domains)
        {
            if (entry.Id != id) continue;
            domain = entry;
            return true;
        }
        domain = default;
        return false;
    }

    /// <summary>The domain that an endpoint is attached to; null where it is attached to none.</summary>
    public uint? DomainOf(uint endpoint)
    {
        foreach (var attachment in Attachments)
        {
            if (attachment.Endpoint == endpoint) return attachment.Domain;
        }
        return null;
    }

    /// <summary>True where an endpoint other than <paramref name="endpoint"/> is attached to the domain.</summary>
    public bool HasOther(uint domain, uint endpoint)
    {
        foreach (var attachment in Attachments)
        {
            if (attachment.Domain == domain && attachment.Endpoint != endpoint) return true;
        }
        return false;
    }

    /// <summary>Attaches an endpoint, out of the domain that it may be attached to, and creates the domain where it does not exist.</summary>
    public void Attach(uint endpoint, uint domain, bool isBypass)
    {
        Detach(endpoint);
        if (!TryFindDomain(domain, out _)) domains.Add(new DomainEntry(domain, isBypass));
        attachments.Add(new Attachment(endpoint, domain));
    }

    /// <summary>Detaches an endpoint; its domain ends with its last endpoint, and the mappings with it.</summary>
    public void Detach(uint endpoint)
    {
        if (DomainOf(endpoint) is not { } domain) return;
        attachments.RemoveAt(Attachments.IndexOf(new Attachment(endpoint, domain)));
        if (HasOther(domain, endpoint)) return;
        for (var i = domains.Count - 1; i >= 0; i--)
        {
            if (domains.Items[i].Id == domain) domains.RemoveAt(i);
        }
        for (var i = mappings.Count - 1; i >= 0; i--)
        {
            if (mappings.Items[i].Domain == domain) mappings.RemoveAt(i);
        }
    }

    public void Map(in Mapping mapping) => mappings.Add(mapping);

    /// <summary>Removes the mappings of a domain that share an address with the range.</summary>
    public void Unmap(uint domain, ulong first, ulong last)
    {
        for (var i = mappings.Count - 1; i >= 0; i--)
        {
            if (mappings.Items[i].Domain == domain && mappings.Items[i].Overlaps(first, last)) mappings.RemoveAt(i);
        }
    }

    /// <summary>Marks the mappings of a domain inside the range: if one turns out to be gone, it is for that clause.</summary>
    public void Suspect(uint domain, ulong first, ulong last, OracleClause clause)
    {
        for (var i = 0; i < mappings.Count; i++)
        {
            ref var mapping = ref mappings[i];
            if (mapping.Domain == domain && mapping.Overlaps(first, last)) mapping = mapping with { Suspect = clause };
        }
    }
}

/// <summary>A list that keeps its memory when it is emptied or copied into.</summary>
internal sealed class PlainList<T>
    where T : struct
{
    private T[] items = new T[8];

    public int Count { get; private set; }

    public ReadOnlySpan<T> Items => items.AsSpan(0, Count);

    public ref T this[int index] => ref items[index];

    public void Add(in T item)
    {
        if (Count == items.Length) Array.Resize(ref items, 2 * Count);
        items[Count++] = item;
    }

    public void RemoveAt(int index)
    {
        items.AsSpan(index + 1, Count - index - 1).CopyTo(items.AsSpan(index));
        Count--;
    }

    public void Clear() => Count = 0;

    public void CopyFrom(PlainList<T> other)
    {
        if (items.Length < other.Count) items = new T[other.items.Length];
        other.Items.CopyTo(items);
        Count = other.Count;
    }
}
