namespace Viommu.Fuzz.Guests;

/// <summary>Looks for the fewest lies that still show something: one part after another is left out, as long as it shows without.</summary>
/// <param name="shows">Whether these show it.</param>
/// <param name="interrupted">Set when the user has had enough: then it stays as small as it is.</param>
internal sealed class LieShrinker(Func<IReadOnlyList<Lie>, bool> shows, CancellationToken interrupted)
{
    // Each takes a boot, which is seconds: enough to halve the longest list down to one, and half as many again.
    private const int MostAttempts = 24;

    private int _attempts;

    private bool IsOver => _attempts >= MostAttempts || interrupted.IsCancellationRequested;

    /// <summary>The fewest that were found; all of them where it does not show a second time.</summary>
    public IReadOnlyList<Lie> Shrink(IReadOnlyList<Lie> lies)
    {
        for (int part = (lies.Count + 1) / 2; lies.Count > 1 && !IsOver; part = (part + 1) / 2)
        {
            int before = lies.Count;
            lies = WithoutParts(lies, part);
            if (part == 1 && lies.Count == before) break;
        }

        return lies;
    }

    private IReadOnlyList<Lie> WithoutParts(IReadOnlyList<Lie> lies, int length)
    {
        for (int at = 0; at < lies.Count && !IsOver;)
        {
            List<Lie> fewer = [.. lies.Take(at), .. lies.Skip(at + length)];
            _attempts++;
            if (fewer.Count > 0 && shows(fewer)) lies = fewer;
            else at += length;
        }

        return lies;
    }
}
