namespace Viommu.Conformance.Running;

/// <summary>Verdicts as reports and expectations files spell them.</summary>
public static class VerdictNames
{
    /// <summary>The word of a verdict.</summary>
    public static string Name(this Verdict verdict) => verdict switch
    {
        Verdict.Pass => "PASS",
        Verdict.NotApplicable => "N/A",
        Verdict.Skip => "SKIP",
        Verdict.NotTested => "NOT-TESTED",
        Verdict.ExpectedFailure => "XFAIL",
        Verdict.Missing => "MISSING",
        Verdict.Warn => "WARN",
        Verdict.Flake => "FLAKE",
        Verdict.Error => "ERROR",
        Verdict.UnexpectedPass => "XPASS",
        Verdict.Fail => "FAIL",
        Verdict.Timeout => "TIMEOUT",
        Verdict.Crash => "CRASH",
        _ => throw new ArgumentOutOfRangeException(nameof(verdict), verdict, null),
    };

    /// <summary>The verdict of a word; null where it is none.</summary>
    public static Verdict? Parse(string word) => Enum.GetValues<Verdict>().Where(v => v.Name() == word).Select(v => (Verdict?)v).FirstOrDefault();

    /// <summary>True where the device, or the expectations about it, turn the run red. A WARN or a FLAKE does so only in a strict run.</summary>
    public static bool IsFinding(this Verdict verdict, bool strict) =>
        verdict is Verdict.Fail or Verdict.Crash or Verdict.Timeout or Verdict.UnexpectedPass || (strict && verdict is Verdict.Warn or Verdict.Flake);

    /// <summary>True where the harness owes a result.</summary>
    public static bool IsHarnessFault(this Verdict verdict) => verdict is Verdict.Error or Verdict.Missing;
}
