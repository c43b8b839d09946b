using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Rings;

/// <summary>Batches that one used element stands for, where IN_ORDER was negotiated (2.7.9, 2.8.8).</summary>
internal static class InOrderBatches
{
    /// <summary>A device with the feature.</summary>
    public static TargetShape Shape { get; } = new() { Offering = Features.InOrder };

    /// <summary>
    /// Two batches, one after the other. Every chain is used, the second batch begins behind the first, and a chain that no element
    /// names was written to its end.
    /// </summary>
    public static void AreCountedWholeAndWritten(CheckContext check, Action<DriverQueue> kind)
    {
        check.Requires(Features.InOrder);
        var settings = new DriverSettings { Accept = Features.AcceptedByDefault | Features.InOrder };
        var features = check.Acceptable(settings.Accept);
        Negotiation.Begin(check.Machine);
        Given(Negotiation.Offer(check.Machine, features), $"the device refuses features 0x{features:x}");
        var driver = IommuDriver.Prepare(check.Machine, features, settings);
        kind(driver.Requests);
        var ring = InOrderRing.Of(driver.Requests, check.Machine);
        Negotiation.SetDriverOk(check.Machine);

        var half = Math.Min(8, driver.Requests.Size / 4);
        if (half == 0) throw new NotApplicableException($"the request queue has {driver.Requests.Size} descriptors, too few for two batches");
        var first = MakeAvailable(check, driver, half);
        Judge(driver, ring, first, 0);
        var second = MakeAvailable(check, driver, half);
        Judge(driver, ring, second, half);
    }

    /// <summary>Requests that are answered and, in between, one of unknown type, whose buffer comes back as it was: it cannot be skipped.</summary>
    private static List<Exchange> MakeAvailable(CheckContext check, IommuDriver driver, int count)
    {
        var batch = Enumerable.Range(0, count)
            .Select(i => i == count / 2 ? new RawRequest([0xff, 0, 0, 0], Request.TailSize) : (Request)Knock.On(check))
            .Select(request => driver.MakeAvailable(request, Framing.Plain)).ToList();
        driver.NotifyRequests();
        return batch;
    }

    private static void Judge(IommuDriver driver, InOrderRing ring, List<Exchange> batch, int place)
    {
        var last = place + batch.Count;
        That(driver.Machine.Await(() => ring.IsUsed(last)), $"{last} chains used, as many as were made available", "the device counts fewer");
        var named = -1;
        for (var i = 0; i < batch.Count; i++)
        {
            if (i > named)
            {
                var id = ring.Written(place + i);
                named = batch.FindIndex(i, exchange => exchange.Chain == id);
                That(named >= 0, $"a used element in place {place + i}, where the batch before it ends, that names a chain not used yet", id is null ? "there is none" : $"it names id {id}");
            }
            batch[i].Inspect();
            if (i < named)
                That(batch[i].Reply.AsSpan().IndexOf(GuardedBuffer.Poison) < 0, $"{batch[i].Request}, which no used element names, written to its end", "a byte of it was not written");
        }
    }
}
