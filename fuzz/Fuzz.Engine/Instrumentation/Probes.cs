using Viommu.Fuzz.Engine.Coverage;

namespace Viommu.Fuzz.Engine.Instrumentation;

/// <summary>What instrumented code calls. Everything on its hot paths is inline in that code.</summary>
public static class Probes
{
    /// <summary>Loops have come round more often than one input may cause.</summary>
    public static void OutOfFuel() => throw new OutOfFuelException();

    /// <summary>Two 32-bit operands are about to be compared.</summary>
    public static void Compare32(int left, int right) => ComparisonLog.Current?.Add((uint)left, (uint)right, sizeof(uint));

    /// <summary>Two 64-bit operands are about to be compared.</summary>
    public static void Compare64(long left, long right) => ComparisonLog.Current?.Add((ulong)left, (ulong)right, sizeof(ulong));
}

/// <summary>The work that one input caused has no sensible bound. It is counted, not timed, so that it is the same everywhere.</summary>
public sealed class OutOfFuelException() : Exception("the input keeps the device busy without end");
