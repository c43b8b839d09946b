using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Rings;

/// <summary>How many descriptors a device takes of one buffer. It may set a limit; what is judged is that refusing one buffer is all that comes of it.</summary>
internal static class LongChains
{
    /// <summary>Grows a chain until the ring is full or the device refuses it. Then, after a reset, a short one is served.</summary>
    public static void GrowUntilRefused(CheckContext check, Func<DriverQueue, int> sizeOf)
    {
        var driver = check.Start();
        var (longest, size) = (0, sizeOf(driver.Requests));
        for (var count = 2; count <= size && InPieces(check, driver, count) is { } pieces; count = Next(count, size))
        {
            if (!IsServed(driver, pieces.Request, pieces.Framing))
            {
                check.Note = $"a buffer of {count} descriptors is refused, one of {longest} is served";
                var again = check.Start();
                That(IsServed(again, Knock.On(check), Framing.Plain), $"two descriptors served after a reset, {count} having been refused before", "they are not");
                return;
            }
            longest = count;
        }
        check.Note = $"a buffer of {longest} descriptors is served, in a ring of {size}";
    }

    private static int Next(int count, int size) => count < size ? Math.Min(2 * count, size) : size + 1;

    /// <summary>A request of so many descriptors, most of them a byte long; null where the longest request there is has fewer bytes.</summary>
    private static (Request Request, Framing Framing)? InPieces(CheckContext check, IommuDriver driver, int count)
    {
        Request request = driver.Has(Features.Probe) && check.Endpoints.Count > 0
            ? new ProbeRequest(check.Endpoint, (int)driver.Config.ProbeSize)
            : Knock.On(check);
        var readable = Math.Min(count - 1, request.Encode().Length);
        var writable = count - readable;
        if (writable > request.WritableLength) return null;
        return (request, new Framing(Ones(readable - 1), Ones(writable - 1)));

        static int[] Ones(int count) => [.. Enumerable.Repeat(1, count)];
    }

    private static bool IsServed(IommuDriver driver, Request request, Framing framing)
    {
        var exchange = driver.MakeAvailable(request, framing);
        driver.NotifyRequests();
        var used = default(UsedElement);
        return driver.Machine.Await(() => driver.Requests.TryTakeUsed(out used)) && used.Id == exchange.Chain && used.Length > exchange.TailOffset;
    }
}
