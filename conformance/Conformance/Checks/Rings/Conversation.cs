using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using Viommu.Guest.Wire;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Rings;

/// <summary>
/// Requests of every kind, good ones and bad ones, whose answers depend on what the device reads of them, and which leave the device as
/// it was before the first. Which answers are right is for the IOMMU chapter to judge; here they only have to be the same again.
/// </summary>
internal static class Conversation
{
    public static IReadOnlyList<Request> Of(CheckContext check, IommuDriver driver)
    {
        var (domain, missing) = (check.Domain(0), check.MissingDomain);
        var requests = new List<Request> { Knock.On(check), new AttachRequest(domain, check.Endpoint) };
        if (driver.Has(Features.MapUnmap))
        {
            var (at, physical) = (check.Virtual(1), check.Physical(1));
            var last = at + check.Unit - 1;
            requests.AddRange(
            [
                new MapRequest(domain, at, last, physical, MapFlags.Read),
                new MapRequest(domain, at, last, physical, MapFlags.Read),
                new UnmapRequest(missing, at, last),
                new UnmapRequest(domain, at, last),
            ]);
        }
        if (driver.Has(Features.Probe)) requests.Add(new ProbeRequest(check.Endpoint, (int)driver.Config.ProbeSize));
        requests.AddRange([new AttachRequest(domain, UnknownEndpoint), new DetachRequest(domain, check.Endpoint)]);
        return requests;
    }

    /// <summary>Sends the requests in the plainest way, which has to work for another way to mean anything.</summary>
    public static IReadOnlyList<Exchange> HoldPlainly(IommuDriver driver, IReadOnlyList<Request> requests)
    {
        var plain = requests.Select(request => driver.Send(request)).ToList();
        foreach (var exchange in plain) Given(exchange.Status is not null, $"{exchange.Request} was {exchange.Answer}");
        return plain;
    }

    /// <summary>The clause: the same requests, sent in another way, are answered as before.</summary>
    public static void IsTheSame(IommuDriver driver, IReadOnlyList<Exchange> plain, Func<Request, Framing> framing, string way)
    {
        foreach (var before in plain)
        {
            var now = driver.Send(before.Request, framing(before.Request));
            That(now.Status == before.Status, $"{now.Request} {way} answered as in one descriptor for each direction: {before.Answer}", now.Answer);
            if (now.IsOk) That(Properties(now).SequenceEqual(Properties(before)), $"{now.Request} {way} answered by the same properties", "they differ");
        }

        static Span<byte> Properties(Exchange exchange) => exchange.Reply.AsSpan(0, exchange.TailOffset);
    }
}
