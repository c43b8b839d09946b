using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Devices;

/// <summary>A program while an <see cref="ProgramRunner"/> runs it, what is found, and what is to become its <see cref="ProgramRun"/>.</summary>
/// <param name="observations">Where what is seen goes.</param>
/// <param name="knowledge">What the campaign knows, where the program is scouted.</param>
/// <param name="avoided">Sequences that it ends before, where it is replayed; null where there are none.</param>
internal sealed class ProgramCourse(Observations observations, DeviceKnowledge? knowledge, FatalSequences? avoided)
{
    public Observations Observations { get; } = observations;

    public DeviceKnowledge? Knowledge { get; } = knowledge;

    public FatalSequences? Avoided { get; } = avoided;

    /// <summary>Requests that are on their way.</summary>
    public List<SentRequest> Sent { get; } = [];

    public List<int> PassedOver { get; } = [];

    public List<RequestClass> Classes { get; } = [];

    public Finding? Finding { get; set; }

    /// <summary>True where no further step is to run.</summary>
    public bool IsOver { get; set; }

    public bool IsFatal { get; set; }

    public bool HasLearned { get; set; }

    /// <summary>What is broken if the process ends where no request is on its way.</summary>
    public OracleClause Between { get; set; }

    /// <summary>What is being done there.</summary>
    public string Operation { get; set; } = "";

    public ProgramRun Result => new(Finding, IsFatal, HasLearned, PassedOver, Classes);

    /// <summary>A finding by an oracle: the rule and the abstract state are its key.</summary>
    public static Finding Broken(string rule, string state, string message) => new(new(rule, "", "", state), message, "");

    /// <summary>Something is broken at a step: what is known does not end the program.</summary>
    public void Found(int index, Finding finding)
    {
        if (IsKnown(finding.Key))
        {
            Learn(finding.Key);
            PassedOver.Add(index);
            return;
        }

        (Finding, IsOver) = (finding, true);
    }

    /// <summary>Something is broken that ends the program, known or not.</summary>
    public void FoundAtTheEnd(Finding finding)
    {
        IsOver = true;
        if (Finding is not null) return;
        if (IsKnown(finding.Key)) Learn(finding.Key);
        else Finding = finding;
    }

    /// <summary>
    /// The process has ended or hangs, which breaks <paramref name="rule"/>; over what says <paramref name="operation"/>. Where that is no more
    /// than the ring, the assertion that failed tells more, if the process names one.
    /// </summary>
    public void Ended(Exception end, string rule, string operation, string message, bool isOfRing = false)
    {
        string lastWords = end is TargetDiedException died ? died.LastWords : ((TargetHungException)end).LastWords;
        var (what, seen) = end switch
        {
            TargetDiedException => ("ends the process", "the process ended"),
            TargetHungException { BreaksProtocol: true } => ("breaks the protocol", end.Message),
            _ => ("hangs", "it hangs"),
        };
        if (Observations.Story is { Steps.Count: > 0 } story) story.Saw(seen);
        string? assertion = isOfRing ? FailedAssertion.In(lastWords) : null;
        IsOver = true;
        if (assertion is not null && Knowledge?.FindRequestOf(assertion) is { } known)
        {
            Knowledge.PassOver(known);
            IsFatal = false;
            return;
        }

        var key = assertion is not null ? new FindingKey(rule, "", assertion, what) : new(rule, "", "", $"{operation} {what}");
        FoundAtTheEnd(new(key, $"{message}: {end.Message}", lastWords));
    }

    /// <summary>The device does not do what <see cref="Operation"/> asks of it.</summary>
    public void Refused(DeviceViolationException refusal) =>
        FoundAtTheEnd(Broken(refusal.Clause, Operation, $"{Operation} breaks {refusal.Message}; expected: {refusal.Expected}"));

    private bool IsKnown(FindingKey key) => Knowledge is { } known && (IsSettled(known, key) || known.IsIgnored(key));

    private bool IsSettled(DeviceKnowledge known, FindingKey key) => known.IsSettled(key) || (IsFatal && Classes.Count > 0 && known.IsLikeFatal(Classes[^1]));

    // It has come up again; where it was the end of the device, perhaps in another way.
    private void Learn(FindingKey key)
    {
        if (Knowledge is not { } known || !IsSettled(known, key)) return;
        known.PassOver(key);
        if (IsFatal && Classes.Count > 0) HasLearned |= known.Settle(key, FatalSequences.Blame(Classes));
    }
}

/// <summary>A request that was sent; <paramref name="Index"/> is that of its step, <paramref name="Class"/> that among the classes.</summary>
internal readonly record struct SentRequest(int Index, StepKind Kind, byte Type, int Length, int Writable, Framing Framing, int Class);
