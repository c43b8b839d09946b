using Viommu.Fuzz.Engine.Findings;

namespace Viommu.Fuzz.Devices;

/// <summary>What became of a program on a real device.</summary>
/// <param name="Finding">What is broken; null where nothing is, or nothing but what is known.</param>
/// <param name="IsFatal">True where a request was the end of the device.</param>
/// <param name="HasLearned">True where it would run differently now: of what ended it, more is known.</param>
/// <param name="PassedOver">Steps that were left out, or whose deviation is known.</param>
/// <param name="Classes">The requests that were sent, up to the end.</param>
internal sealed record ProgramRun(Finding? Finding, bool IsFatal, bool HasLearned, IReadOnlyList<int> PassedOver, IReadOnlyList<RequestClass> Classes);
