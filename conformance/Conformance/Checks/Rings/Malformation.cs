using Viommu.Conformance.Checks.Core;
using Viommu.Guest.Driver;
using Viommu.Guest.Virtqueue;
using static Viommu.Conformance.Checks.CheckContext;

namespace Viommu.Conformance.Checks.Rings;

/// <summary>
/// Something that a driver must not put into a ring. What becomes of it is the device's affair; that no other memory is written, and
/// that the device does not fall silent, is judged.
/// </summary>
/// <param name="Name">The mistake, with its article.</param>
/// <param name="Make">Puts it into the request queue, and exposes it without a notification.</param>
internal sealed record Malformation<TQueue>(string Name, Action<Lending, TQueue> Make)
    where TQueue : DriverQueue
{
    /// <summary>The clause: the device writes nothing but what is its own and what it was lent.</summary>
    public void WritesNothingElse(IommuDriver driver)
    {
        var lending = Expose(driver);
        var before = new MemorySnapshot(driver.Machine);
        Notify(driver);
        var change = before.ChangeOutside(lending.Writable);
        That(change is null, $"nothing written but the device's part of the queues and device-writable buffers, upon {Name}", change ?? "");
    }

    /// <summary>The clause: the device goes on, which makes it true, or sets DEVICE_NEEDS_RESET.</summary>
    public bool IsSurvivedOrReported(CheckContext check, IommuDriver driver)
    {
        Knock.GivenServed(check, driver);
        Expose(driver);
        Notify(driver);
        return Survival.GoesOn(check, driver, Name);
    }

    private Lending Expose(IommuDriver driver)
    {
        driver.Machine.Journal.Add($"request queue: {Name}");
        var lending = new Lending(driver);
        Make(lending, (TQueue)driver.Requests);
        return lending;
    }

    private static void Notify(IommuDriver driver)
    {
        driver.NotifyRequests();
        driver.Machine.Target.Settle();
    }
}

/// <summary>Judges of several mistakes, each made on a device that was started for it.</summary>
internal static class Malformations
{
    public static void WriteNothingElse<TQueue>(this IEnumerable<Malformation<TQueue>> mistakes, CheckContext check, Func<DriverQueue, TQueue> kind)
        where TQueue : DriverQueue
    {
        foreach (var mistake in mistakes) mistake.WritesNothingElse(Start(check, kind));
    }

    public static void AreSurvivedOrReported<TQueue>(this IEnumerable<Malformation<TQueue>> mistakes, CheckContext check, Func<DriverQueue, TQueue> kind)
        where TQueue : DriverQueue
    {
        var survived = mistakes.ToLookup(mistake => mistake.IsSurvivedOrReported(check, Start(check, kind)), mistake => mistake.Name);
        check.Note = string.Join("; ", new[] { Part("the device survives", survived[true]), Part("DEVICE_NEEDS_RESET upon", survived[false]) }.Where(part => part.Length > 0));

        static string Part(string fate, IEnumerable<string> names) => string.Join(", ", names) is { Length: > 0 } some ? $"{fate} {some}" : "";
    }

    private static IommuDriver Start<TQueue>(CheckContext check, Func<DriverQueue, TQueue> kind)
        where TQueue : DriverQueue
    {
        // Nothing of a former device is looked at any more, and there are more mistakes than memory for a fresh snapshot of each.
        check.Machine.ResetDevice();
        check.Machine.Heap.Clear();
        var driver = check.Start();
        kind(driver.Requests);
        return driver;
    }
}
