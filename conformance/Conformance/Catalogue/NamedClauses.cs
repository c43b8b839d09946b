namespace Viommu.Conformance.Catalogue;

/// <summary>The clauses that a check or a rule names.</summary>
/// <param name="All">The ids, in the order of <see cref="SpecRule.Clauses"/>.</param>
/// <param name="First">The clause that a failure breaks.</param>
internal sealed record NamedClauses(IReadOnlyList<string> All, Clause First)
{
    /// <summary>
    /// Finds what <paramref name="owner"/> names. Throws <see cref="InvalidDataException"/> where a clause is none of the judged role's, where <paramref name="also"/>
    /// has another level than the first, or where <paramref name="uses"/> has anything but permissions of the other role.
    /// </summary>
    public static NamedClauses Find(ClauseCatalogue catalogue, string owner, Role judged, string clause, string[] also, string[] uses)
    {
        string[] own = [clause, .. also];
        var clauses = own.Select(id => TryFind(id) is { } found && found.Role == judged
            ? found : throw new InvalidDataException($"{owner}: no clause {id} that binds the {Name(judged)}")).ToList();
        if (clauses.Find(c => c.Level != clauses[0].Level) is { } odd)
            throw new InvalidDataException($"{owner}: {odd.Id} is not of the level of {clauses[0].Id}");
        if (Array.Find(uses, id => TryFind(id) is not { Level: Level.May } used || used.Role == judged) is { } none)
            throw new InvalidDataException($"{owner}: {none} is no permission of the other side of the {Name(judged)}");
        return new([.. own, .. uses], clauses[0]);

        Clause? TryFind(string id) => catalogue.TryGet(id, out var found) && found.Id == id ? found : null;
    }

    private static string Name(Role role) => role == Role.Device ? "device" : "driver";
}
