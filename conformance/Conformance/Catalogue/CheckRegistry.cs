using System.Reflection;
using Viommu.Conformance.Checks;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Catalogue;

/// <summary>Finds the checks of an assembly: every method with a <see cref="CheckAttribute"/>.</summary>
public static class CheckRegistry
{
    private const BindingFlags Anywhere = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    /// <summary>
    /// The checks in the order of the spec's chapters, those that judge the whole run last. Throws <see cref="InvalidDataException"/> where one is not made as
    /// <see cref="CheckAttribute"/> says, names a clause that the catalogue lacks, or repeats an id.
    /// </summary>
    public static IReadOnlyList<Check> Find(Assembly assembly, ClauseCatalogue catalogue) => Find(assembly.GetTypes(), catalogue);

    internal static IReadOnlyList<Check> Find(IEnumerable<Type> types, ClauseCatalogue catalogue)
    {
        var checks = types.SelectMany(t => t.GetMethods(Anywhere))
            .Select(method => (method, attribute: method.GetCustomAttribute<CheckAttribute>()))
            .Where(m => m.attribute is not null)
            .OrderBy(m => m.method.MetadataToken)
            .Select(m => Build(m.method, m.attribute!, catalogue))
            .OrderBy(check => check.JudgesTheRun).ThenBy(check => catalogue.PositionOf(check.Clauses[0]))
            .ToList();
        if (checks.GroupBy(c => c.Id).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new InvalidDataException($"check {twice.Key} is there twice");
        return checks;
    }

    private static Check Build(MethodInfo method, CheckAttribute attribute, ClauseCatalogue catalogue)
    {
        var where = $"{method.DeclaringType}.{method.Name}";
        if (!method.IsStatic || method.ReturnType != typeof(void)
            || method.GetParameters() is not [{ ParameterType: var parameter }] || parameter != typeof(CheckContext))
            throw new InvalidDataException($"{where}: a check is a static void method of one CheckContext");

        var clauses = NamedClauses.Find(catalogue, where, Role.Device, attribute.Clause, attribute.Also, attribute.Uses);
        return new($"{attribute.Clause}.{method.Name.ToLowerInvariant().Replace('_', '-')}", method.Name.Replace('_', ' '), clauses.All,
            clauses.First.Level, attribute.Does, attribute.Reading, ShapeOf(method.DeclaringType!, attribute.Shape, where))
        {
            Body = method.CreateDelegate<Action<CheckContext>>(),
            JudgesTheRun = attribute.JudgesTheRun,
            IsSecurityRelevant = clauses.First.IsSecurityRelevant,
            Uses = attribute.Uses,
        };
    }

    private static TargetShape ShapeOf(Type type, string? name, string where)
    {
        const BindingFlags Static = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        if (name is null) return TargetShape.Default;
        return (type.GetField(name, Static)?.GetValue(null) ?? type.GetProperty(name, Static)?.GetValue(null)) as TargetShape
            ?? throw new InvalidDataException($"{where}: {type.Name} has no static TargetShape {name}");
    }
}
