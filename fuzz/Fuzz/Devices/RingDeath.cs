namespace Viommu.Fuzz.Devices;

/// <summary>The end of a device.</summary>
/// <param name="Rule">The clause that is broken.</param>
/// <param name="Operation">Over what.</param>
/// <param name="Culprit">The first request that was not used, by its number among those that were due; null where it was none.</param>
internal readonly record struct RingDeath(string Rule, string Operation, int? Culprit);
