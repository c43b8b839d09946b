using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.SplitRing;

/// <summary>Chains that are made available again and again, so that memory does not run out on the way round a 16-bit index.</summary>
internal sealed class ReusedChains
{
    private readonly Machine machine;
    private readonly IommuDriver driver;
    private readonly SplitQueue queue;

    /// <summary>Makes them, by sending them once.</summary>
    public ReusedChains(CheckContext check, IommuDriver driver, SplitQueue queue)
    {
        (machine, this.driver, this.queue) = (check.Machine, driver, queue);
        Heads = [.. Enumerable.Range(0, queue.Size / 2).Select(_ => driver.MakeAvailable(Knock.On(check), Framing.Plain).Chain)];
        driver.NotifyRequests();
        driver.Collect();
    }

    /// <summary>The descriptors that head them.</summary>
    public ushort[] Heads { get; }

    /// <summary>Makes <paramref name="count"/> of them available together.</summary>
    public void MakeAvailable(int count)
    {
        foreach (var head in Heads.AsSpan(0, count)) queue.MakeAvailable(head);
    }

    /// <summary>Set-up: sends them until used.idx, and the available index with it, is <paramref name="index"/>.</summary>
    public void UseUntil(ushort index)
    {
        while (queue.Position != index)
        {
            MakeAvailable(Math.Min(Heads.Length, (ushort)(index - queue.Position)));
            driver.NotifyRequests();
            Given(machine.Await(() => queue.ReadUsedIndex() == queue.Position), $"used.idx stays at {queue.ReadUsedIndex()} with the available index at {queue.Position}");
        }
    }
}
