using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Rings;

/// <summary>What a device may do with the buffers that it is lent, in rings of either kind (2.7.5.1, 2.8.15).</summary>
internal static class Custody
{
    /// <summary>No request changes its device-readable part: in one piece or several, good or bad, with room for an answer or without.</summary>
    public static void ReadableBuffersStayAsTheyAre(CheckContext check, IommuDriver driver)
    {
        foreach (var framing in (Framing[])[Framing.Plain, new Framing([4, 5], [1])])
        {
            foreach (var request in Conversation.Of(check, driver)) JudgeReadablePart(driver, request, framing);
        }

        // Last, since a device may refuse to go on after it: an answer that does not fit must not go elsewhere.
        JudgeReadablePart(driver, new RawRequest(new AttachRequest(check.Domain(0), UnknownEndpoint).Encode(), 2), Framing.Plain);
    }

    /// <summary>What device-writable buffers hold before makes no difference to what comes back.</summary>
    public static void WhatWritableBuffersHoldMakesNoDifference(CheckContext check, IommuDriver driver)
    {
        var requests = Conversation.Of(check, driver);
        var zeroes = Hold(_ => 0);
        foreach (var (name, content) in (Content[])[new("0xff", _ => 0xff), new("what could be a request", at => at % 16 == 0 ? (byte)1 : (byte)0)])
        {
            var answers = Hold(content);
            for (var i = 0; i < requests.Count; i++)
            {
                var (before, now) = (zeroes[i].StatusByte(requests[i]), answers[i].StatusByte(requests[i]));
                That(now == before, $"{requests[i]} answered as into a buffer of zeroes: status 0x{before:x2}", $"status 0x{now:x2} into a buffer of {name}");
            }
        }

        IReadOnlyList<Answer> Hold(Func<int, byte> content) =>
            [.. requests.Select(request => Answer.Into(driver, request, [.. Enumerable.Range(0, request.WritableLength).Select(content)]))];
    }

    private static void JudgeReadablePart(IommuDriver driver, Request request, Framing framing)
    {
        var exchange = driver.MakeAvailable(request, framing);
        driver.NotifyRequests();
        driver.Machine.Await(() => driver.Requests.TryTakeUsed(out _));
        exchange.Inspect();
        That(exchange.IsReadablePartIntact, $"the device-readable part of {request} as it was", "the device wrote into it");
    }

    private sealed record Content(string Name, Func<int, byte> ByteAt);
}
