using System.Linq.Expressions;
using System.Reflection;
using Viommu.Conformance.Catalogue;

namespace Viommu.Conformance.Watching;

/// <summary>Finds the rules of an assembly: every method with a <see cref="RuleAttribute"/>.</summary>
public static class RuleRegistry
{
    private const BindingFlags Anywhere = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    /// <summary>
    /// The rules in the order of the spec's chapters. Throws <see cref="InvalidDataException"/> where one is not made as
    /// <see cref="RuleAttribute"/> says, names a clause that the catalogue lacks or that does not bind drivers, or repeats an id.
    /// </summary>
    public static IReadOnlyList<DriverRule> Find(Assembly assembly, ClauseCatalogue catalogue) => Find(assembly.GetTypes(), catalogue);

    internal static IReadOnlyList<DriverRule> Find(IEnumerable<Type> types, ClauseCatalogue catalogue)
    {
        var rules = types.SelectMany(t => t.GetMethods(Anywhere))
            .Select(method => (method, attribute: method.GetCustomAttribute<RuleAttribute>()))
            .Where(m => m.attribute is not null)
            .OrderBy(m => m.method.MetadataToken)
            .Select(m => Build(m.method, m.attribute!, catalogue))
            .OrderBy(rule => catalogue.PositionOf(rule.Clauses[0]))
            .ToList();
        if (rules.GroupBy(r => r.Id).FirstOrDefault(g => g.Count() > 1) is { } twice) throw new InvalidDataException($"rule {twice.Key} is there twice");
        return rules;
    }

    private static DriverRule Build(MethodInfo method, RuleAttribute attribute, ClauseCatalogue catalogue)
    {
        var where = $"{method.DeclaringType}.{method.Name}";
        if (!method.IsStatic || method.ReturnType != typeof(void)
            || method.GetParameters() is not [{ ParameterType: var judge }, { ParameterType: var seen }]
            || judge != typeof(Judge) || !seen.IsAssignableTo(typeof(Observation)))
            throw new InvalidDataException($"{where}: a rule is a static void method of a Judge and an observation");

        var clauses = NamedClauses.Find(catalogue, where, Role.Driver, attribute.Clause, attribute.Also, attribute.Uses);
        return new($"{attribute.Clause}.{method.Name.ToLowerInvariant().Replace('_', '-')}", method.Name.Replace('_', ' '), clauses.All, clauses.First.Level,
            attribute.Does, attribute.Reading, attribute.Needs, attribute.Transports, seen)
        {
            FromAnywhere = attribute.FromAnywhere,
            Uses = attribute.Uses,
            Body = Compile(method, seen),
        };
    }

    private static Action<Judge, Observation> Compile(MethodInfo method, Type consumes)
    {
        var judge = Expression.Parameter(typeof(Judge));
        var seen = Expression.Parameter(typeof(Observation));
        return Expression.Lambda<Action<Judge, Observation>>(Expression.Call(method, judge, Expression.Convert(seen, consumes)), judge, seen).Compile();
    }
}
