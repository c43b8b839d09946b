using System.Reflection;
using Spectre.Console;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Conformance.Running;
using Viommu.Conformance.Selftest;
using Viommu.Conformance.Watching;
using Viommu.Guest.Targets;

namespace Viommu.Conformance.Program;

/// <summary>All that the program needs of the world around it.</summary>
internal sealed record CliHost
{
    /// <summary>Where results go.</summary>
    public required IAnsiConsole Console { get; init; }

    /// <summary>Where complaints go, one line each.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>What a device that is served reads its commands from.</summary>
    public Func<Stream> OpenInput { get; init; } = System.Console.OpenStandardInput;

    /// <summary>What it answers to, byte for byte.</summary>
    public Func<Stream> OpenOutput { get; init; } = System.Console.OpenStandardOutput;

    /// <summary>Set when the user wants the run to end.</summary>
    public CancellationToken Interrupted { get; init; }

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public ClauseCatalogue Catalogue { get; init; } = ClauseCatalogue.Load();

    public NotTested NotTested { get; init; } = NotTested.Load();

    public required IReadOnlyList<Check> Checks { get; init; }

    /// <summary>The rules that drivers are judged by.</summary>
    public required IReadOnlyList<DriverRule> Rules { get; init; }

    /// <summary>Checks and rules: whatever a clause can be judged by.</summary>
    public IEnumerable<SpecRule> Judged => [.. Checks, .. Rules];

    public Func<string, ITargetSource> ParseTarget { get; init; } = TargetSources.Parse;

    public Func<ITargetSource, CheckSessionOptions, ICheckSession> OpenSession { get; init; } = (source, options) => new CheckSession(source, options);

    /// <summary>Every clause, in the words of a version of the spec, with what judges it and what proves that.</summary>
    public Traceability Trace(SpecVersion spec = SpecVersions.Latest) => new(Catalogue.At(spec), NotTested, [.. Proofs.Of(Checks), .. Proofs.Of(Rules)]);

    /// <summary>The process's own world.</summary>
    public static CliHost ForProcess(CancellationToken interrupted)
    {
        var catalogue = ClauseCatalogue.Load();
        return new()
        {
            Console = ProcessConsole.Open(),
            Error = System.Console.Error,
            Interrupted = interrupted,
            Catalogue = catalogue,
            Checks = CheckRegistry.Find(Assembly.GetExecutingAssembly(), catalogue),
            Rules = RuleRegistry.Find(Assembly.GetExecutingAssembly(), catalogue),
        };
    }
}
