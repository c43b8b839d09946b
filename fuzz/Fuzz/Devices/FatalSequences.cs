namespace Viommu.Fuzz.Devices;

/// <summary>
/// Requests that end the device if they come one after the other, with whatever in between: what is left of a program once it is as small as
/// it gets. In a sequence of several it is what the device made of the earlier ones that counts.
/// </summary>
internal sealed class FatalSequence
{
    private readonly RequestClass[] _classes;
    private int _seen;

    public FatalSequence(IReadOnlyList<RequestClass> classes) => _classes = Normalised(classes);

    /// <summary>How often its last request was not sent.</summary>
    public long Avoided { get; private set; }

    /// <summary>Another program begins.</summary>
    public void Restart() => _seen = 0;

    /// <summary>A request is to be sent; true where it would complete the sequence.</summary>
    public bool Completes(in RequestClass request)
    {
        if ((_classes.Length == 1 ? request : request.Taken) != _classes[_seen]) return false;
        if (_seen < _classes.Length - 1)
        {
            _seen++;
            return false;
        }

        Avoided++;
        return true;
    }

    public bool IsLike(RequestClass request) => _classes.Length == 1 && _classes[0] with { Framing = request.Framing } == request;

    public bool Is(IReadOnlyList<RequestClass> others) => _classes.SequenceEqual(Normalised(others));

    public override string ToString() => string.Join(", then ", _classes);

    private static RequestClass[] Normalised(IReadOnlyList<RequestClass> classes) => classes.Count == 1 ? [classes[0]] : [.. classes.Select(one => one.Taken)];
}

/// <summary>The sequences that are known to be the end of a device.</summary>
internal sealed class FatalSequences
{
    private readonly List<FatalSequence> _all = [];

    public IReadOnlyList<FatalSequence> All => _all;

    /// <summary>Another program begins.</summary>
    public void Restart()
    {
        foreach (var sequence in _all) sequence.Restart();
    }

    /// <summary>True where the request would be the end of the device, after those that were sent before it; it is counted.</summary>
    public bool Complete(in RequestClass request)
    {
        bool isFatal = false;
        foreach (var sequence in _all) isFatal |= sequence.Completes(request);
        return isFatal;
    }

    /// <summary>True where the request differs from one that ends the device by itself in nothing but its framing.</summary>
    public bool HaveLike(RequestClass request) => _all.Any(sequence => sequence.IsLike(request));

    /// <summary>False where the sequence is known, or is none.</summary>
    public bool TryAdd(IReadOnlyList<RequestClass> classes)
    {
        if (classes.Count == 0 || _all.Any(known => known.Is(classes))) return false;
        _all.Add(new(classes));
        return true;
    }

    /// <summary>
    /// Of requests that were the end of the device, those that are to blame as far as that can be told from outside: the last by itself where
    /// it is odd, else what is odd before it.
    /// </summary>
    public static IReadOnlyList<RequestClass> Blame(IReadOnlyList<RequestClass> sent) =>
        sent[^1].IsOdd ? [sent[^1]] : [.. sent.SkipLast(1).Where(request => request.IsOdd).Select(request => request.Taken).Distinct(), sent[^1]];
}
