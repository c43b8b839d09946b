namespace Viommu.Conformance.Running;

/// <summary>The order in which checks run. Reports keep the order of the spec whatever it is.</summary>
internal static class ExecutionOrder
{
    /// <summary>
    /// The indices of the plan in the order in which they run: the plan's own, or shuffled by a seed, so that checks that lean on each other
    /// show. What judges the whole run stays last.
    /// </summary>
    public static IReadOnlyList<int> Of(IReadOnlyList<PlannedCheck> plan, ulong? shuffle)
    {
        var order = Enumerable.Range(0, plan.Count).ToArray();
        if (shuffle is not { } seed) return order;
        new Random((int)(seed ^ seed >> 32)).Shuffle(order);
        return [.. order.OrderBy(i => plan[i].Check.JudgesTheRun)];
    }
}
