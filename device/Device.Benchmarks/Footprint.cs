namespace Viommu.Device.Benchmarks;

/// <summary>Managed memory that a mapping takes, with a million of them.</summary>
internal static class Footprint
{
    private const int Mappings = 1_000_000;

    public static void Print(TextWriter output)
    {
        foreach (bool shuffled in new[] { false, true })
        {
            var order = Load.Order(Mappings, shuffled);
            var driver = new BatchDriver(Load.Options, isPacked: false);
            driver.MapAll(order.AsSpan(0, 1));
            long before = GC.GetTotalMemory(forceFullCollection: true);
            driver.MapAll(order.AsSpan(1));
            long after = GC.GetTotalMemory(forceFullCollection: true);
            output.WriteLine($"{(shuffled ? "random" : "ascending"),-9} {(after - before) / (double)(Mappings - 1):0.0} bytes a mapping");
            GC.KeepAlive(driver);
            GC.KeepAlive(order);
        }
    }
}
