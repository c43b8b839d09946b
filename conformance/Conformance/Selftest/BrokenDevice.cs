using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Checks;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Device.Wire;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;

namespace Viommu.Conformance.Selftest;

/// <summary>
/// The reference device with one rule broken from outside: the proof that a check can fail.
/// </summary>
/// <param name="Name">What it does wrong, as a sentence.</param>
/// <param name="Breaks">Ids, or globs on ids, of the checks, or of their first clauses, that have to turn red on it; or ids of permissions of drivers that it punishes.</param>
/// <param name="Variation">How it is put together.</param>
internal sealed record BrokenDevice(string Name, string[] Breaks, ModelVariation Variation)
{
    private readonly IReadOnlyList<Glob> broken = [.. Breaks.Select(name => new Glob(name))];

    /// <summary>The transport and ring on which its rule shows.</summary>
    public ModelConfiguration Configuration { get; init; } = new();

    /// <summary>The checks, in their order, that have to turn red on it.</summary>
    public IReadOnlyList<Check> BrokenAmong(IEnumerable<Check> checks) =>
        [.. checks.Where(check => broken.Any(glob => glob.Matches(check.Clauses[0]) || glob.Matches(check.Id)) || check.Uses.Any(Breaks.Contains))];

    /// <summary>One whose requests, accesses or reports go through an interceptor.</summary>
    public static BrokenDevice With(string name, string[] breaks, Func<IommuDevice, IGuestMemory, Interceptor> intercept) => new(
        name, breaks, new ModelVariation
        {
            Assemble = (device, memory) =>
            {
                var interceptor = intercept(device, memory);
                return new ModelParts(interceptor, interceptor);
            },
        });

    /// <summary>One that handles requests in another way.</summary>
    public static BrokenDevice Requests(string name, string[] breaks, RequestHandler handler) =>
        With(name, breaks, (device, _) => new RequestInterceptor(device, handler));

    /// <summary>One that answers requests of one type with another status than it ought to.</summary>
    public static BrokenDevice Answers(string name, string[] breaks, byte type, byte instead, byte status) => Requests(name, breaks, (request, reply, next) =>
    {
        var used = next(request, reply);
        if (request[0] == type && used > 0 && reply[used - 4] == instead) reply[used - 4] = status;
        return used;
    });

    /// <summary>One whose registers, on modern PCI, are not as they ought to be.</summary>
    public static BrokenDevice Registers(string name, string[] breaks, Func<ITarget, RegisterInterceptor> intercept) =>
        new(name, breaks, new ModelVariation { Machine = intercept });

    /// <summary>One whose registers, on any transport, are not as they ought to be.</summary>
    public static BrokenDevice Registers(ModelTransport transport, string name, string[] breaks, Func<ITarget, TargetInterceptor> intercept) =>
        new(name, breaks, new ModelVariation { Machine = intercept }) { Configuration = new ModelConfiguration(transport) };

    /// <summary>The same without features that it would offer.</summary>
    public BrokenDevice Without(IommuFeatures features) =>
        this with { Variation = Variation with { Options = options => Variation.Options(options) with { Features = options.Features & ~features } } };

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>Passes a request on.</summary>
internal delegate int NextHandler(ReadOnlySpan<byte> request, Span<byte> reply);

/// <summary>Handles a request of at least one byte; <paramref name="request"/> is a copy that may be changed.</summary>
internal delegate int RequestHandler(byte[] request, Span<byte> reply, NextHandler next);
