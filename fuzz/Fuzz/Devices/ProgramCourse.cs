using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Devices;

/// <summary>A program while a <see cref="QemuRunner"/> runs it, and what is to become its <see cref="ProgramRun"/>.</summary>
/// <param name="observations">Where what is seen goes.</param>
/// <param name="knowledge">What the campaign knows, where the program is scouted.</param>
/// <param name="avoided">Sequences that it ends before, where it is replayed; null where there are none.</param>
internal sealed class ProgramCourse(Observations observations, QemuKnowledge? knowledge, FatalSequences? avoided)
{
    public Observations Observations { get; } = observations;

    public QemuKnowledge? Knowledge { get; } = knowledge;

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
}

/// <summary>A request that was sent; <paramref name="Index"/> is that of its step, <paramref name="Class"/> that among the classes.</summary>
internal readonly record struct SentRequest(int Index, StepKind Kind, byte Type, int Length, int Writable, Framing Framing, int Class);
