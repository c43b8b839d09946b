using Viommu.Fuzz.Engine.Coverage;
using Viommu.Fuzz.Rings;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// The abstract states of a ring program on a device whose code is not seen: what the rings were like when it was notified and whether it asked
/// for a reset; and what it answered to which request, cut in which way.
/// </summary>
internal static class RingStates
{
    private const int FaultCount = (int)RingFault.Ambiguous + 1;
    private const int DueCount = 4;
    private const int TrustCount = 3;
    private const int Notifications = 2 * FaultCount * DueCount * 2 * TrustCount;

    private const int FramingCount = 5;
    private const int ShapeCount = 5;
    private const int TypeCount = RequestLayout.Probe + 1;
    private const int Answers = TypeCount * ShapeCount * FramingCount * SequenceStates.AnswerCount;

    public static int Count => Notifications + Answers;

    /// <summary>The device was notified of a queue with so many chains on it, or has had something to report.</summary>
    public static void Notified(int queue, RingFault fault, int due, bool needsReset, RingTrust trust, Observations observations) => observations.Visit(
        (((((((queue * FaultCount) + (int)fault) * DueCount) + Math.Min(due, DueCount - 1)) * 2) + (needsReset ? 1 : 0)) * TrustCount) + (int)trust);

    /// <summary>A request came back.</summary>
    public static void Answered(in ReturnedChain returned, int probeSize, Observations observations)
    {
        var likeness = returned.Chain.Class;
        int type = Math.Min((int)likeness.Type, TypeCount - 1);
        int framing = returned.Chain.IsMixed ? FramingCount - 1 : (int)likeness.Framing;
        int answer = SequenceStates.AnswerOf(likeness.Type, (int)returned.Length, returned.Reply, probeSize);
        observations.Visit(Notifications + (((((type * ShapeCount) + (int)likeness.Shape) * FramingCount) + framing) * SequenceStates.AnswerCount) + answer);
    }
}
