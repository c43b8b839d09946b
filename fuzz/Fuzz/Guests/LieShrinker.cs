using Viommu.Conformance.Exploration;

namespace Viommu.Fuzz.Guests;

/// <summary>Looks for the fewest lies that still show something: one part after another is left out, as long as it shows without.</summary>
/// <param name="shows">Whether these show it.</param>
/// <param name="smaller">Called with those that are left, each time that some are left out.</param>
/// <param name="interrupted">Set when the user has had enough: then it stays as small as it is.</param>
internal sealed class LieShrinker(Func<IReadOnlyList<Lie>, bool> shows, Action<IReadOnlyList<Lie>> smaller, CancellationToken interrupted)
{
    // Each takes a boot, which is seconds: enough to halve the longest list down to one, and half as many again.
    private const int MostAttempts = 24;

    private int _attempts;

    private bool IsOver => _attempts >= MostAttempts || interrupted.IsCancellationRequested;

    /// <summary>
    /// The fewest that were found; null where not even all of them show it again. What is left out of lies that show something by chance alone is
    /// chance as well.
    /// </summary>
    /// <param name="lies">Those that have shown it.</param>
    /// <param name="hasShownAgain">True where all of them have shown it a second time already.</param>
    public IReadOnlyList<Lie>? Shrink(IReadOnlyList<Lie> lies, bool hasShownAgain = false)
    {
        // A boot that the user has ended shows nothing, and proves nothing.
        if (!IsOver && !hasShownAgain && !Shows(lies) && !interrupted.IsCancellationRequested) return null;
        for (int part = (lies.Count + 1) / 2; lies.Count > 1 && !IsOver; part = (part + 1) / 2)
        {
            int before = lies.Count;
            lies = Blocks.LeaveOut(lies, part, StillShows);
            if (part == 1 && lies.Count == before) break;
        }

        return lies;
    }

    private bool StillShows(IReadOnlyList<Lie> fewer)
    {
        if (fewer.Count == 0 || IsOver || !Shows(fewer)) return false;
        smaller(fewer);
        return true;
    }

    private bool Shows(IReadOnlyList<Lie> lies)
    {
        _attempts++;
        return shows(lies);
    }
}
