using Viommu.Guest.Targets.Model;
using Viommu.Guest.Targets.Served;
using Viommu.Guest.Tests.Support;

namespace Viommu.Conformance.Tests.Served;

/// <summary>The reference device, or what has been put around it, served over pipes in this process.</summary>
internal static class ServedSource
{
    public static ServedTargetSource Of(ModelVariation? variation, ModelConfiguration configuration, Func<string, string>? change = null) => new(
        () =>
        {
            var server = new TargetServer(file => new ModelTargetSource(variation, configuration) { Memory = file });
            return LocalPeer.Answering(command => change is null ? server.Answer(command) : change(server.Answer(command)), server);
        },
        packed: configuration.Ring == ModelRing.Packed)
    {
        // What a machine under load may take away from a thread.
        Deadline = TimeSpan.FromMinutes(2),
        Patience = TimeSpan.FromMinutes(2),
    };
}
