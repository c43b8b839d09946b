using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Conformance.Program;

/// <summary>What <c>--target</c> can name.</summary>
internal static class TargetSources
{
    private const string Model = "model";
    private const string QemuPrefix = "qemu:";

    /// <summary>
    /// The source of targets that <paramref name="spec"/> names; throws <see cref="UsageException"/> where it names none, and
    /// <see cref="TargetUnavailableException"/> where it cannot be had on this machine.
    /// </summary>
    public static ITargetSource Parse(string spec) => spec switch
    {
        "qemu" => new QemuTargetSource(null),
        _ when spec.StartsWith(QemuPrefix, StringComparison.Ordinal) && spec.Length > QemuPrefix.Length => new QemuTargetSource(spec[QemuPrefix.Length..]),
        _ when spec.Split(',') is [Model, .. var choices] => new ModelTargetSource(configuration: Configuration(choices)),
        _ => throw new UsageException($"unknown target '{spec}'; there are model, model,transport=...,ring=..., qemu and qemu:PATH"),
    };

    /// <summary>The targets that <c>--matrix</c> makes of <paramref name="spec"/>: every combination of transport and ring, each with the name of its folder.</summary>
    public static IReadOnlyList<(string Name, string Spec)> Matrix(string spec) => spec == Model
        ? [.. ModelConfiguration.All.Select(c => (NameOf(c), $"{Model},transport={ModelConfiguration.NameOf(c.Transport)},ring={ModelConfiguration.NameOf(c.Ring)}"))]
        : throw new UsageException($"--matrix runs every transport and ring of --target {Model}; '{spec}' names something else");

    private static string NameOf(ModelConfiguration configuration) =>
        $"{ModelConfiguration.NameOf(configuration.Transport)}-{ModelConfiguration.NameOf(configuration.Ring)}";

    private static ModelConfiguration Configuration(IReadOnlyList<string> choices)
    {
        ModelTransport? transport = null;
        ModelRing? ring = null;
        foreach (var choice in choices)
        {
            var (key, value) = choice.IndexOf('=', StringComparison.Ordinal) is >= 0 and var at ? (choice[..at], choice[(at + 1)..]) : (choice, "");
            if (key == "transport") transport = Choose(transport, key, value, Enum.GetValues<ModelTransport>(), ModelConfiguration.NameOf);
            else if (key == "ring") ring = Choose(ring, key, value, Enum.GetValues<ModelRing>(), ModelConfiguration.NameOf);
            else throw new UsageException($"--target {Model} takes transport=... and ring=..., not '{choice}'");
        }
        var configuration = new ModelConfiguration(transport ?? default, ring ?? default);
        return configuration.Problem is { } problem ? throw new UsageException(problem) : configuration;
    }

    private static T Choose<T>(T? before, string key, string value, IReadOnlyList<T> all, Func<T, string> nameOf)
        where T : struct
    {
        if (before is not null) throw new UsageException($"--target {Model} takes {key}=... once");
        foreach (var candidate in all)
        {
            if (nameOf(candidate) == value) return candidate;
        }
        throw new UsageException($"{key}={value} is unknown; there are {string.Join(", ", all.Select(nameOf))}");
    }
}
