using System.Diagnostics.CodeAnalysis;

namespace Viommu.Conformance.Catalogue;

/// <summary>Every clause the suite knows, in the order of the spec's chapters.</summary>
public sealed class ClauseCatalogue
{
    private const string SecurityHeader = "clause\twhy";

    internal const string Header = "id\tsource file\tsection title\trole\tlevel\tparaphrase\tobservable\thint";

    // Chapters: basic facilities, the rings, transports, device types; then what goes across them.
    private static readonly string[] FamilyOrder = ["CORE", "SPLIT", "PACKED", "PCI", "MMIO", "IOMMU", "LEGACY", "CONF"];

    private readonly Dictionary<string, Clause> byId;
    private readonly Dictionary<string, int> position;

    /// <summary>A catalogue of these clauses; throws <see cref="InvalidDataException"/> where two share an id.</summary>
    public ClauseCatalogue(IEnumerable<Clause> clauses)
    {
        var rows = clauses.ToList();
        if (rows.GroupBy(c => c.Id).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new InvalidDataException($"clause {twice.Key} is there twice");

        var files = rows.Select(c => c.SourceFile).Distinct().ToList();
        Clauses = [.. rows.OrderBy(c => FamilyRank(c.Family)).ThenBy(c => files.IndexOf(c.SourceFile)).ThenBy(c => c.SourceLine)];
        byId = Clauses.ToDictionary(c => c.Id);
        position = Clauses.Select((c, i) => (c.Id, i)).ToDictionary(p => p.Id, p => p.i);
    }

    /// <summary>Every clause, in the order of the spec's chapters.</summary>
    public IReadOnlyList<Clause> Clauses { get; }

    /// <summary>The catalogue that belongs to this build: the clauses of virtio 1.4, and the unworded behaviour.</summary>
    public static ClauseCatalogue Load()
    {
        var levels = SpecLevels.Load();
        var security = Tsv.Embedded("security-relevant.tsv", SecurityHeader).ToDictionary(cells => cells[0], cells => cells[1]);
        return new(Tsv.Embedded("clauses.tsv", Header).Concat(Tsv.Embedded("unworded.tsv", Header)).Select(Parse).Select(levels.Dated)
            .Select(clause => clause with { SecurityReason = security.GetValueOrDefault(clause.Id, "") }));
    }

    /// <summary>The same clauses in the words of a version of the spec; those that it has not got yet are there all the same, and say so.</summary>
    public ClauseCatalogue At(SpecVersion version)
    {
        if (version == SpecVersions.Latest) return this;
        var levels = SpecLevels.Load();
        return new(Clauses.Select(clause => levels.WordedAs(clause, version)));
    }

    /// <summary>The chapters a family stands for.</summary>
    public static string TitleOf(string family) => family switch
    {
        "CORE" => "Basic facilities and reserved feature bits",
        "SPLIT" => "Split virtqueues",
        "PACKED" => "Packed virtqueues",
        "PCI" => "Virtio over PCI bus",
        "MMIO" => "Virtio over MMIO",
        "IOMMU" => "IOMMU device",
        "LEGACY" => "Legacy interfaces",
        "CONF" => "Conformance targets",
        _ => family,
    };

    /// <summary>Finds a clause by its id, in whatever case.</summary>
    public bool TryGet(string id, [NotNullWhen(true)] out Clause? clause) => byId.TryGetValue(id.ToUpperInvariant(), out clause);

    /// <summary>Where a clause stands in the order of the spec; throws <see cref="KeyNotFoundException"/> for an unknown id.</summary>
    public int PositionOf(string id) => position[id];

    internal static Clause Parse(string[] cells)
    {
        var role = cells[3] switch
        {
            "device" => Role.Device,
            "driver" => Role.Driver,
            _ => throw new InvalidDataException($"{cells[0]}: role '{cells[3]}' is neither device nor driver"),
        };
        if (Clause.LevelOf(cells[4]) is null) throw new InvalidDataException($"{cells[0]}: '{cells[4]}' is no keyword");
        return new(cells[0], cells[1], cells[2], role, cells[4], cells[5], cells[6], cells[7]);
    }

    private static int FamilyRank(string family) =>
        Array.IndexOf(FamilyOrder, family) is >= 0 and var rank ? rank : throw new InvalidDataException($"unknown family {family}");
}
