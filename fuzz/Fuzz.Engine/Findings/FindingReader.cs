using System.Diagnostics;
using Viommu.Fuzz.Engine.Instrumentation;

namespace Viommu.Fuzz.Engine.Findings;

/// <summary>Makes findings out of what targets throw.</summary>
internal static class FindingReader
{
    private const int FramesInKey = 3;

    /// <summary>The finding; null where none of the code under test, as <paramref name="isUnderTest"/> knows it, had a part in an exception that nobody meant.</summary>
    public static Finding? Read(Exception exception, Func<Type, bool> isUnderTest) => exception switch
    {
        BrokenInvariantException broken => new(new(broken.Rule, "", "", broken.State), broken.Message, ""),
        OutOfFuelException => new(new("bounded-work", "", Frames(exception, 1), ""), exception.Message, exception.ToString()),
        _ when !IsOf(exception, isUnderTest) => null,
        _ => new(new(FindingKey.UnexpectedException, exception.GetType().Name, Frames(exception, FramesInKey), ""), exception.Message, exception.ToString()),
    };

    private static bool IsOf(Exception exception, Func<Type, bool> isUnderTest) =>
        new StackTrace(exception).GetFrames().Any(frame => frame.GetMethod()?.DeclaringType is { } type && isUnderTest(type));

    // Frames of the runtime and of the probes say nothing of where the bug is.
    private static string Frames(Exception exception, int count) => string.Join(" < ",
        new StackTrace(exception).GetFrames()
            .Select(frame => frame.GetMethod())
            .Where(method => method?.DeclaringType?.FullName is { } type && type.StartsWith("Viommu.", StringComparison.Ordinal)
                && !type.StartsWith("Viommu.Fuzz.", StringComparison.Ordinal))
            .Select(method => $"{method!.DeclaringType!.Name}.{method.Name}")
            .Take(count));
}
