using Viommu.Conformance.Checks;

namespace Viommu.Conformance.Running;

/// <summary>Follows a run. Members are called in turn, from the thread that runs the checks.</summary>
public interface IRunObserver
{
    /// <summary>The run begins; every check that is to run is still MISSING.</summary>
    void RunStarted(RunSnapshot run);

    /// <summary>A check is about to run.</summary>
    void CheckStarted(Check check);

    /// <summary>A check has run; the snapshot holds its result.</summary>
    void CheckFinished(CheckResult result, RunSnapshot run);

    /// <summary>The run is over; nothing more will come.</summary>
    void RunFinished(RunSnapshot run);
}
