namespace Viommu.Conformance.Running;

/// <summary>What the program ends with.</summary>
public static class ExitCode
{
    /// <summary>Everything as expected.</summary>
    public const int AsExpected = 0;

    /// <summary>Findings: FAIL, CRASH, TIMEOUT, XPASS, an expectation that is stale or has expired; WARN or FLAKE in a strict run.</summary>
    public const int Findings = 1;

    /// <summary>The harness owes a result (ERROR, MISSING), could not begin, or had nothing to do.</summary>
    public const int Harness = 2;

    /// <summary>The command line, or a file it names, makes no sense.</summary>
    public const int Usage = 3;
}
