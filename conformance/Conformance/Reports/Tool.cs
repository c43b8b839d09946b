using System.Reflection;

namespace Viommu.Conformance.Reports;

/// <summary>Who wrote a report, and by which text it judges.</summary>
internal static class Tool
{
    /// <summary>Version of the virtio specification.</summary>
    public const string Spec = "1.4";

    /// <summary>Version of this program, without the build's metadata.</summary>
    public static string Version { get; } =
        typeof(Tool).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
