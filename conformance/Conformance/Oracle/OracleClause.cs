using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Oracle;

/// <summary>The clauses that the oracle judges by. A number instead of a string, so that a judgement costs nothing to pass on.</summary>
public enum OracleClause : byte
{
    /// <summary>The text is silent: every choice is allowed.</summary>
    Silence,

    /// <summary>IOMMU-FEAT-D-01.</summary>
    FeatD01,

    /// <summary>IOMMU-FEAT-D-03.</summary>
    FeatD03,

    /// <summary>IOMMU-CFG-D-04.</summary>
    CfgD04,

    /// <summary>IOMMU-CFG-D-05.</summary>
    CfgD05,

    /// <summary>IOMMU-CFG-D-06.</summary>
    CfgD06,

    /// <summary>IOMMU-OPS-D-01.</summary>
    OpsD01,

    /// <summary>IOMMU-OPS-D-02.</summary>
    OpsD02,

    /// <summary>IOMMU-OPS-D-03.</summary>
    OpsD03,

    /// <summary>IOMMU-OPS-D-05.</summary>
    OpsD05,

    /// <summary>IOMMU-OPS-D-06.</summary>
    OpsD06,

    /// <summary>IOMMU-ATTACH-D-01.</summary>
    AttachD01,

    /// <summary>IOMMU-ATTACH-D-02.</summary>
    AttachD02,

    /// <summary>IOMMU-ATTACH-D-03.</summary>
    AttachD03,

    /// <summary>IOMMU-ATTACH-D-04.</summary>
    AttachD04,

    /// <summary>IOMMU-ATTACH-D-05.</summary>
    AttachD05,

    /// <summary>IOMMU-ATTACH-D-06.</summary>
    AttachD06,

    /// <summary>IOMMU-ATTACH-D-07.</summary>
    AttachD07,

    /// <summary>IOMMU-ATTACH-D-08.</summary>
    AttachD08,

    /// <summary>IOMMU-ATTACH-D-09.</summary>
    AttachD09,

    /// <summary>IOMMU-ATTACH-D-10.</summary>
    AttachD10,

    /// <summary>IOMMU-ATTACH-D-11.</summary>
    AttachD11,

    /// <summary>IOMMU-DETACH-D-02.</summary>
    DetachD02,

    /// <summary>IOMMU-DETACH-D-03.</summary>
    DetachD03,

    /// <summary>IOMMU-DETACH-D-04.</summary>
    DetachD04,

    /// <summary>IOMMU-MAP-D-01.</summary>
    MapD01,

    /// <summary>IOMMU-MAP-D-02.</summary>
    MapD02,

    /// <summary>IOMMU-MAP-D-03.</summary>
    MapD03,

    /// <summary>IOMMU-MAP-D-04.</summary>
    MapD04,

    /// <summary>IOMMU-MAP-D-05.</summary>
    MapD05,

    /// <summary>IOMMU-MAP-D-06.</summary>
    MapD06,

    /// <summary>IOMMU-MAP-D-07.</summary>
    MapD07,

    /// <summary>IOMMU-UNMAP-D-01.</summary>
    UnmapD01,

    /// <summary>IOMMU-UNMAP-D-03.</summary>
    UnmapD03,

    /// <summary>IOMMU-UNMAP-D-04.</summary>
    UnmapD04,

    /// <summary>IOMMU-UNMAP-D-05.</summary>
    UnmapD05,

    /// <summary>IOMMU-UNMAP-D-06.</summary>
    UnmapD06,

    /// <summary>IOMMU-UNMAP-D-07.</summary>
    UnmapD07,

    /// <summary>IOMMU-PROBE-D-02.</summary>
    ProbeD02,

    /// <summary>IOMMU-PROBE-D-03.</summary>
    ProbeD03,

    /// <summary>IOMMU-PROBE-D-04.</summary>
    ProbeD04,

    /// <summary>IOMMU-PROBE-D-05.</summary>
    ProbeD05,

    /// <summary>IOMMU-PROBE-D-06.</summary>
    ProbeD06,

    /// <summary>IOMMU-PROBE-D-07.</summary>
    ProbeD07,

    /// <summary>IOMMU-PROBE-D-08.</summary>
    ProbeD08,

    /// <summary>IOMMU-PROBE-D-09.</summary>
    ProbeD09,

    /// <summary>IOMMU-PROBE-D-10.</summary>
    ProbeD10,

    /// <summary>IOMMU-RESV-D-01.</summary>
    ResvD01,

    /// <summary>IOMMU-RESV-D-02.</summary>
    ResvD02,

    /// <summary>IOMMU-RESV-D-03.</summary>
    ResvD03,

    /// <summary>IOMMU-RESV-D-04.</summary>
    ResvD04,

    /// <summary>IOMMU-RESV-D-05.</summary>
    ResvD05,

    /// <summary>IOMMU-FAULT-D-01.</summary>
    FaultD01,

    /// <summary>IOMMU-FAULT-D-02.</summary>
    FaultD02,

    /// <summary>IOMMU-FAULT-D-03.</summary>
    FaultD03,

    /// <summary>IOMMU-FAULT-D-04.</summary>
    FaultD04,

    /// <summary>DESC-IOMMU-01.</summary>
    DescIommu01,

    /// <summary>DESC-IOMMU-02.</summary>
    DescIommu02,

    /// <summary>DESC-IOMMU-03.</summary>
    DescIommu03,

    /// <summary>DESC-IOMMU-04.</summary>
    DescIommu04,

    /// <summary>DESC-IOMMU-06.</summary>
    DescIommu06,

    /// <summary>DESC-IOMMU-10.</summary>
    DescIommu10,

    /// <summary>DESC-IOMMU-11.</summary>
    DescIommu11,

    /// <summary>DESC-IOMMU-12.</summary>
    DescIommu12,

    /// <summary>DESC-IOMMU-13.</summary>
    DescIommu13,

    /// <summary>DESC-IOMMU-14.</summary>
    DescIommu14,

    /// <summary>DESC-IOMMU-15.</summary>
    DescIommu15,

    /// <summary>DESC-IOMMU-16.</summary>
    DescIommu16,

    /// <summary>DESC-IOMMU-17.</summary>
    DescIommu17,

    /// <summary>SPLIT-USED-D-02, which packed rings have in the same words without a keyword.</summary>
    UsedLength,
}

/// <summary>The catalogue's ids and levels of the oracle's clauses; a test compares them with the catalogue.</summary>
public static class OracleClauses
{
    private static readonly (string Id, Level Level)[] Rows = Build();

    /// <summary>The catalogue's id; empty for <see cref="OracleClause.Silence"/>.</summary>
    public static string Id(this OracleClause clause) => Rows[(int)clause].Id;

    /// <summary>How strongly the clause is worded.</summary>
    public static Level Level(this OracleClause clause) => Rows[(int)clause].Level;

    private static (string, Level)[] Build()
    {
        const Level Must = Catalogue.Level.Must, Should = Catalogue.Level.Should, May = Catalogue.Level.May;
        var rows = new (string, Level)[(int)OracleClause.UsedLength + 1];
        rows[(int)OracleClause.Silence] = ("", May);
        rows[(int)OracleClause.UsedLength] = ("SPLIT-USED-D-02", Must);
        Numbered("IOMMU-FEAT-D-", (OracleClause.FeatD01, 1, Should), (OracleClause.FeatD03, 3, Should));
        Chapter("IOMMU-CFG-D-", OracleClause.CfgD04, Should, Should, Must);
        Numbered("IOMMU-OPS-D-", (OracleClause.OpsD01, 1, Should), (OracleClause.OpsD02, 2, Should), (OracleClause.OpsD03, 3, Should),
            (OracleClause.OpsD05, 5, Should), (OracleClause.OpsD06, 6, Should));
        Chapter("IOMMU-ATTACH-D-", OracleClause.AttachD01, Must, Must, Must, May, Must, Should, Should, Should, Must, Should, Should);
        Chapter("IOMMU-DETACH-D-", OracleClause.DetachD02, Must, May, Must);
        Chapter("IOMMU-MAP-D-", OracleClause.MapD01, Should, Should, Must, Should, Should, Must, May);
        Numbered("IOMMU-UNMAP-D-", (OracleClause.UnmapD01, 1, May), (OracleClause.UnmapD03, 3, Should), (OracleClause.UnmapD04, 4, Should),
            (OracleClause.UnmapD05, 5, Should), (OracleClause.UnmapD06, 6, Should), (OracleClause.UnmapD07, 7, Should));
        Chapter("IOMMU-PROBE-D-", OracleClause.ProbeD02, Should, Should, Should, Should, Must, Must, Should, Should, Should);
        Chapter("IOMMU-RESV-D-", OracleClause.ResvD01, Should, Should, Should, Should, Should);
        Chapter("IOMMU-FAULT-D-", OracleClause.FaultD01, Should, Should, Should, May);
        Chapter("DESC-IOMMU-", OracleClause.DescIommu01, Must, Should, Must, Must);
        Numbered("DESC-IOMMU-", (OracleClause.DescIommu06, 6, Must));
        Chapter("DESC-IOMMU-", OracleClause.DescIommu10, Must, Must, Must, Must, Must, Should, Should, Should);
        return rows;

        // Members in a row whose numbers follow each other; the first number is the last two digits of the member's name.
        void Chapter(string prefix, OracleClause first, params ReadOnlySpan<Level> levels)
        {
            var number = int.Parse(first.ToString()[^2..], System.Globalization.CultureInfo.InvariantCulture);
            for (var i = 0; i < levels.Length; i++) rows[(int)first + i] = ($"{prefix}{number + i:00}", levels[i]);
        }

        void Numbered(string prefix, params ReadOnlySpan<(OracleClause Clause, int Number, Level Level)> clauses)
        {
            foreach (var (clause, number, level) in clauses) rows[(int)clause] = ($"{prefix}{number:00}", level);
        }
    }
}
