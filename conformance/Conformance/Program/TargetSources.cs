using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Targets.Qemu;
using Viommu.Guest.Targets.Served;

namespace Viommu.Conformance.Program;

/// <summary>What <c>--target</c> can name.</summary>
internal static class TargetSources
{
    private const string Model = "model";
    private const string Qemu = "qemu";
    private const string Exec = "exec";
    private const string RingChoice = ",ring=";
    private const string TransportChoice = ",transport=";

    /// <summary>
    /// The source of targets that <paramref name="spec"/> names; throws <see cref="UsageException"/> where it names none, and
    /// <see cref="TargetUnavailableException"/> where it cannot be had on this machine.
    /// </summary>
    public static ITargetSource Parse(string spec) => spec switch
    {
        _ when spec.Split(',') is [Model, .. var choices] => new ModelTargetSource(configuration: Configuration(Model, choices)),
        _ when spec == Exec || spec.StartsWith($"{Exec}:", StringComparison.Ordinal) || spec.StartsWith($"{Exec},", StringComparison.Ordinal) => ParseExec(spec),
        _ => ParseQemu(spec) ?? throw new UsageException(
            $"unknown target '{spec}'; there are model, qemu and qemu:PATH, all also with ,transport=... and ,ring=..., exec:COMMAND and exec,ring=...:COMMAND"),
    };

    /// <summary>The forms of the reference device; <paramref name="option"/> is where the user names one.</summary>
    public static ModelConfiguration ParseModel(string spec, string option) => spec.Split(',') is [Model, .. var choices]
        ? Configuration(Model, choices)
        : throw new UsageException($"{option}: '{spec}' is not the reference device; there are model and model,transport=...,ring=...");

    /// <summary>The targets that <c>--matrix</c> makes of <paramref name="spec"/>: every combination of transport and ring, each with the name of its folder.</summary>
    public static IReadOnlyList<(string Name, string Spec)> Matrix(string spec) => spec == Model
        ? [.. ModelConfiguration.All.Select(c => (NameOf(c), $"{Model},transport={ModelConfiguration.NameOf(c.Transport)},ring={ModelConfiguration.NameOf(c.Ring)}"))]
        : throw new UsageException($"--matrix runs every transport and ring of --target {Model}; '{spec}' names something else");

    /// <summary><c>qemu</c> or <c>qemu:PATH</c>, and behind either transport and ring; a path may hold commas. Null where it is neither.</summary>
    private static QemuTargetSource? ParseQemu(string spec)
    {
        List<string> choices = [];
        while (spec.LastIndexOf(',') is >= 0 and var at && (spec[at..].StartsWith(RingChoice, StringComparison.Ordinal) || spec[at..].StartsWith(TransportChoice, StringComparison.Ordinal)))
        {
            choices.Insert(0, spec[(at + 1)..]);
            spec = spec[..at];
        }
        string? path = spec.StartsWith($"{Qemu}:", StringComparison.Ordinal) && spec.Length > Qemu.Length + 1 ? spec[(Qemu.Length + 1)..] : null;
        if (spec != Qemu && path is null) return null;
        var configuration = Configuration(Qemu, choices);
        return QemuTargetSource.Has(configuration.Transport)
            ? new(path, configuration)
            : throw new UsageException($"QEMU has no virtio-iommu that a legacy interface and a modern one lead to; --target {Qemu} takes transport=pci or mmio");
    }

    /// <summary><c>exec:COMMAND</c>, the ring before the colon, so that a command is taken as it is.</summary>
    private static ServedTargetSource ParseExec(string spec)
    {
        var parts = spec.Split(':', 2);
        ModelRing? ring = null;
        foreach (var choice in parts[0].Split(',').Skip(1))
        {
            if (!$",{choice}".StartsWith(RingChoice, StringComparison.Ordinal)) throw new UsageException($"--target {Exec} takes ring=... before the colon, not '{choice}'");
            ring = Choose(ring, Exec, "ring", choice[(RingChoice.Length - 1)..], Enum.GetValues<ModelRing>(), ModelConfiguration.NameOf);
        }
        try
        {
            return new ServedTargetSource(parts is [_, var command] ? command : "", ring == ModelRing.Packed);
        }
        catch (FormatException wrong)
        {
            throw new UsageException($"--target exec:COMMAND starts COMMAND, which serves a device on its standard input and output; in '{spec}' {wrong.Message}");
        }
    }

    private static string NameOf(ModelConfiguration configuration) =>
        $"{ModelConfiguration.NameOf(configuration.Transport)}-{ModelConfiguration.NameOf(configuration.Ring)}";

    private static ModelConfiguration Configuration(string target, IReadOnlyList<string> choices)
    {
        ModelTransport? transport = null;
        ModelRing? ring = null;
        foreach (var choice in choices)
        {
            var (key, value) = choice.IndexOf('=', StringComparison.Ordinal) is >= 0 and var at ? (choice[..at], choice[(at + 1)..]) : (choice, "");
            if (key == "transport") transport = Choose(transport, target, key, value, Enum.GetValues<ModelTransport>(), ModelConfiguration.NameOf);
            else if (key == "ring") ring = Choose(ring, target, key, value, Enum.GetValues<ModelRing>(), ModelConfiguration.NameOf);
            else throw new UsageException($"--target {target} takes transport=... and ring=..., not '{choice}'");
        }
        var configuration = new ModelConfiguration(transport ?? default, ring ?? default);
        return configuration.Problem is { } problem ? throw new UsageException(problem) : configuration;
    }

    private static T Choose<T>(T? before, string target, string key, string value, IReadOnlyList<T> all, Func<T, string> nameOf)
        where T : struct
    {
        if (before is not null) throw new UsageException($"--target {target} takes {key}=... once");
        foreach (var candidate in all)
        {
            if (nameOf(candidate) == value) return candidate;
        }
        throw new UsageException($"{key}={value} is unknown; there are {string.Join(", ", all.Select(nameOf))}");
    }
}
