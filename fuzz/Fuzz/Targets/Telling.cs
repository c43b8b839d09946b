using System.Globalization;
using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Targets;

/// <summary>What targets tell in a <see cref="Story"/>, in the words of scripts.</summary>
internal static class Telling
{
    private static readonly string[] _refusals = Answers.AnyRejection.Describe().Split(" or ");

    /// <summary>What would be right for a request that the oracle has not been shown yet.</summary>
    public static void Expect(Story story, SpecOracle oracle, in RequestView request)
    {
        // What a clause asks for comes first, then what none says anything of.
        var said = new HashSet<string>();
        var allowed = oracle.Explain(request).GroupBy(outcome => outcome.Clause, outcome => outcome.Answer).OrderBy(outcomes => outcomes.Key.Length == 0)
            .Select(outcomes => (outcomes.Key, Answers: Shortened([.. outcomes.Where(said.Add)], said)))
            .Where(outcomes => outcomes.Answers.Length > 0)
            .Select(outcomes => $"{outcomes.Answers} ({(outcomes.Key.Length == 0 ? "left open" : outcomes.Key)})");
        story.Expect(string.Join(" or ", allowed));
    }

    private static string Shortened(List<string> answers, HashSet<string> said)
    {
        if (answers.Count(_refusals.Contains) > 1 && _refusals.All(said.Contains))
        {
            string any = _refusals.All(answers.Contains) ? "any refusal" : "any other refusal";
            answers = [.. answers.Except(_refusals), any];
        }

        return string.Join(" or ", answers);
    }

    /// <summary>What would be right for an access that the oracle has not been shown yet.</summary>
    public static void Expect(Story story, SpecOracle oracle, uint endpoint, ulong at, bool isWrite, int length) =>
        story.Expect(oracle.AllowedAccess(endpoint, at, isWrite, length, PlaceOf));

    /// <summary>What became of a request; <paramref name="used"/> is negative where it was not returned.</summary>
    public static void Saw(Story story, in RequestView request, ReadOnlySpan<byte> reply, long used, int probeSize)
    {
        if (used < 0)
        {
            story.Saw("DEVICE_NEEDS_RESET");
            return;
        }

        bool isProbe = !request.Readable.IsEmpty && request.Readable[0] == RequestLayout.Probe;
        int tail = isProbe ? Math.Max(0, Math.Min(probeSize, reply.Length - Requests.TailSize)) : 0;
        string status = used > tail && tail < reply.Length ? ((RequestStatus)reply[tail]).Name() : "unwritten";
        story.Saw(string.Create(CultureInfo.InvariantCulture, $"{status} used={used}"));
    }

    /// <summary>What became of an access.</summary>
    public static void Saw(Story story, ReadOnlySpan<ulong> landed)
    {
        int arrived = landed.Length - landed.Count(SpecOracle.Nowhere) - landed.Count(SpecOracle.Unseen);
        if (arrived == 0)
        {
            story.Saw(landed.Contains(SpecOracle.Unseen) ? "not seen" : "refused");
            return;
        }

        int first = landed.IndexOfAnyExcept(SpecOracle.Nowhere, SpecOracle.Unseen);
        string bytes = arrived == landed.Length ? "" : string.Create(CultureInfo.InvariantCulture, $" with {arrived} of {landed.Length} bytes");
        story.Saw($"reached {PlaceOf(landed[first])}{bytes}");
    }

    private static string PlaceOf(ulong physical) => physical - TestBed.Ram < RequestMachine.RamSize
        ? string.Create(CultureInfo.InvariantCulture, $"ram+0x{physical - TestBed.Ram:x}")
        : string.Create(CultureInfo.InvariantCulture, $"0x{physical:x}");
}
