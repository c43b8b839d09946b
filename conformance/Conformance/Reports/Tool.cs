using System.Reflection;

namespace Viommu.Conformance.Reports;

/// <summary>Who wrote a report.</summary>
internal static class Tool
{
    /// <summary>Version of this program, without the build's metadata.</summary>
    public static string Version { get; } =
        typeof(Tool).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
