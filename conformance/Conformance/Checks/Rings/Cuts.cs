using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Checks.Rings;

/// <summary>
/// Ways to cut a request into few descriptors, so that no reasonable limit on their number is reached: inside the head, inside fields,
/// at the boundaries where naive devices expect the cut, and anywhere.
/// </summary>
internal static class Cuts
{
    private static readonly int[][] OfHeadAndBody = [[1], [4], [8], [19], [2, 1], [3, 2, 4], [4, 4, 4, 4]];

    /// <summary>The requests are answered the same however their device-readable part is cut.</summary>
    public static void OfReadablePart(CheckContext check, IommuDriver driver)
    {
        var plain = Conversation.HoldPlainly(driver, Conversation.Of(check, driver));
        int[][] anywhere = [.. Enumerable.Range(0, 8).Select(_ => Enumerable.Range(0, 3).Select(_ => 1 + check.Random.Next(9)).ToArray())];
        foreach (var cut in OfHeadAndBody.Concat(anywhere))
            Conversation.IsTheSame(driver, plain, _ => new Framing(cut, []), $"in pieces of {string.Join(", ", cut)} bytes and the rest");
    }

    /// <summary>The requests are answered the same however their device-writable part is cut.</summary>
    public static void OfWritablePart(CheckContext check, IommuDriver driver)
    {
        var plain = Conversation.HoldPlainly(driver, Conversation.Of(check, driver));

        // Counted from the tail, which is what every answer ends with: in front of it, inside it, and byte by byte.
        (int Before, int[] Then)[] cuts = [(0, []), (1, []), (2, [1]), (1, [1, 1]), (3, [])];
        foreach (var (before, then) in cuts)
        {
            Conversation.IsTheSame(
                driver, plain, request => new Framing([], [request.WritableLength - Request.TailSize + before, .. then]),
                $"with its tail cut after {before} bytes{string.Concat(then.Select(more => $" and {more}"))}");
        }
    }

    /// <summary>The requests are answered the same where descriptors are in an indirect table: all of them, or the last <paramref name="indirect"/>.</summary>
    public static void IntoTable(CheckContext check, IommuDriver driver, params int[] indirect)
    {
        CheckContext.RequiresDescriptors(driver.Requests, 5);
        var plain = Conversation.HoldPlainly(driver, Conversation.Of(check, driver));
        foreach (var count in indirect)
            Conversation.IsTheSame(driver, plain, _ => new Framing([3, 2], [1], count), $"with {count} of 5 descriptors in an indirect table");
    }
}
