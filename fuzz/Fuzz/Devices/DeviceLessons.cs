using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Devices;

/// <summary>A finding that is reported, and the requests that are not sent any more where it was the end of the device, with the assertion that failed.</summary>
internal sealed record DeviceLesson(FindingKey Key, IReadOnlyList<RequestClass> Fatal, string? Assertion);

/// <summary>What the jobs of a campaign tell each other, so that each learns only once what ends the device.</summary>
internal sealed class DeviceLessons
{
    private readonly Lock _lock = new();
    private readonly List<DeviceLesson> _lessons = [];
    private readonly HashSet<FindingKey> _claimed = [];
    private volatile int _count;

    /// <summary>Lessons so far.</summary>
    public int Count => _count;

    public void Add(DeviceLesson lesson)
    {
        lock (_lock)
        {
            _lessons.Add(lesson);
            _count = _lessons.Count;
        }
    }

    /// <summary>The lessons from the one at <paramref name="from"/> on.</summary>
    public IReadOnlyList<DeviceLesson> From(int from)
    {
        lock (_lock) return [.. _lessons.Skip(from)];
    }

    /// <summary>A job is to look into a finding; false where another one does already.</summary>
    public bool TryClaim(FindingKey key)
    {
        lock (_lock) return _claimed.Add(key);
    }

    /// <summary>The job is through with it.</summary>
    public void Release(FindingKey key)
    {
        lock (_lock) _claimed.Remove(key);
    }
}
