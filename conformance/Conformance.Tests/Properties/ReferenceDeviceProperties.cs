using FsCheck;
using FsCheck.Fluent;
using Viommu.Device.Iommu;
using Viommu.Device.Memory;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;
using Viommu.Guest.Targets.Model;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Tests.Properties;

/// <summary>What holds of the reference device whatever is sent to it. A failure prints its seed and the shortest list of requests that shows it.</summary>
public sealed class ReferenceDeviceProperties
{
    private static readonly uint[] Endpoints = [ModelTarget.FirstEndpoint, ModelTarget.SecondEndpoint];

    [Fact]
    public void Answers_and_translations_are_those_of_the_naive_model() => Check(300, list =>
    {
        var (machine, device) = Start();
        var naive = new NaiveIommu(Endpoints, RequestList.Granule);
        foreach (var request in list.Requests)
        {
            var allowed = naive.Allowed(request);
            var answer = machine.Send(request);
            if (answer.Status is not { } status || !allowed.Contains(status)) return Wrong($"{request}: {answer.Answer}, allowed {string.Join(' ', allowed)}");
            if (answer.IsOk) naive.Apply(request);
            if (FirstDifference(naive, device) is { } difference) return Wrong($"after {request}: {difference}");
        }
        return true;
    });

    [Fact]
    public void A_rejected_request_leaves_no_trace() => Check(100, list =>
    {
        var (machine, _) = Start();
        var (twin, _) = Start();
        foreach (var request in list.Requests)
        {
            var answer = machine.Send(request);

            // The twin is spared what was rejected; from then on both have to agree.
            if (answer.IsOk && twin.Send(request).Status != answer.Status) return Wrong($"{request}: {answer.Answer}, but not where nothing was rejected before");
        }
        return true;
    });

    [Fact]
    public void A_batch_is_answered_like_its_requests_one_by_one() => Check(100, list =>
    {
        var together = Start().Driver.SendTogether(list.Requests).Select(exchange => exchange.Answer);
        var driver = Start().Driver;
        return together.SequenceEqual(list.Requests.Select(request => driver.Send(request).Answer));
    });

    [Fact]
    public void A_device_reset_forgets_whatever_came_before() => Check(100, list =>
    {
        var half = list.Requests.Count / 2;
        var driver = Start().Driver;
        foreach (var request in list.Requests.Take(half)) driver.Send(request);
        driver = IommuDriver.Start(driver.Machine);
        var fresh = Start().Driver;
        return list.Requests.Skip(half).All(request => driver.Send(request).Answer == fresh.Send(request).Answer);
    });

    [Fact]
    public void The_lists_reach_what_they_are_meant_to_reach()
    {
        // A property over lists that are all rejected, or never overlap, would prove nothing.
        var statuses = new Dictionary<RequestStatus, int>();
        foreach (var list in Gen.Sample(RequestList.Any.Generator, 50, 100))
        {
            var driver = Start().Driver;
            foreach (var status in list.Requests.Select(request => driver.Send(request).Status!.Value)) statuses[status] = statuses.GetValueOrDefault(status) + 1;
        }
        foreach (var status in new[] { RequestStatus.Ok, RequestStatus.Inval, RequestStatus.Range, RequestStatus.NoEnt })
            Assert.True(statuses.GetValueOrDefault(status) > 50, $"{status.Name()} was answered {statuses.GetValueOrDefault(status)} times");
    }

    /// <summary>Compares single-byte accesses of every endpoint on both sides of every border.</summary>
    private static string? FirstDifference(NaiveIommu naive, IommuDevice device)
    {
        var borders = naive.Domains.SelectMany(domain => domain.Mappings)
            .SelectMany(mapping => new[] { mapping.Start, mapping.End, unchecked(mapping.Start - 1), unchecked(mapping.End + 1) })
            .Append(0UL).Append(ulong.MaxValue).Distinct();
        foreach (var address in borders)
        {
            foreach (var endpoint in Endpoints)
            {
                foreach (var isWrite in new[] { false, true })
                {
                    var expected = naive.Translate(endpoint, address, isWrite);
                    ulong? actual = device.TryTranslate(endpoint, new IoVirtualAddress(address), isWrite ? DmaAccess.Write : DmaAccess.Read, out var physical, out _)
                        ? physical.Value
                        : null;
                    if (expected != actual) return $"endpoint 0x{endpoint:x} {(isWrite ? "writes" : "reads")} 0x{address:x}: at {Shown(actual)}, ought to be {Shown(expected)}";
                }
            }
        }
        return null;

        static string Shown(ulong? address) => address is { } value ? $"0x{value:x}" : "nothing";
    }

    /// <summary>A running driver, with bypass 0 and no reserved regions, and the device behind it.</summary>
    private static (IommuDriver Driver, IommuDevice Device) Start()
    {
        IommuDevice? built = null;
        using var source = new ModelTargetSource(new ModelVariation
        {
            Options = options => options with { Endpoints = [.. Endpoints.Select(id => new EndpointOptions(id))], InitialBypass = false },
            Assemble = (device, _) =>
            {
                built = device;
                return new ModelParts(device, device);
            },
        });
        return (IommuDriver.Start(Machine.Discover(source.Open(TargetShape.Default, out _)!)), built!);
    }

    private static bool Wrong(string what) => throw new InvalidOperationException(what);

    private static void Check(int lists, Func<RequestList, bool> holds) =>
        Prop.ForAll(RequestList.Any, holds).Check(Config.QuickThrowOnFailure.WithMaxTest(lists));
}
