using Viommu.Conformance.Running;

namespace Viommu.Conformance.Reports;

/// <summary>One file of the report folder.</summary>
internal interface IReport
{
    /// <summary>Name of the file in the folder.</summary>
    string FileName { get; }

    /// <summary>The least time between two writes while the run goes on; the last write is always made.</summary>
    TimeSpan Interval { get; }

    /// <summary>The whole file for a run as it stands.</summary>
    string Render(RunSnapshot run);
}
