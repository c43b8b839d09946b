using System.Diagnostics;
using Viommu.Fuzz.Engine.Instrumentation;

namespace Viommu.Fuzz.Engine.Findings;

/// <summary>Makes findings out of what targets throw.</summary>
internal static class FindingReader
{
    private const int FramesInKey = 3;

    /// <summary>The finding; null where an exception that nobody meant is not of the code under test, as <paramref name="isUnderTest"/> knows it.</summary>
    public static Finding? Read(Exception exception, Func<Type, bool> isUnderTest) => exception switch
    {
        BrokenInvariantException broken => new(new(broken.Rule, "", "", broken.State), broken.Message, ""),
        OutOfFuelException => new(new("bounded-work", "", Frames(exception, 1), ""), exception.Message, exception.ToString()),
        _ when !IsOf(exception, isUnderTest) => null,
        _ => new(new(FindingKey.UnexpectedException, exception.GetType().Name, Frames(exception, FramesInKey), ""), exception.Message, exception.ToString()),
    };

    // Memory, interceptors and judges run under the device as well: whose an exception is says the innermost code that is somebody's.
    private static bool IsOf(Exception exception, Func<Type, bool> isUnderTest) =>
        new StackTrace(exception).GetFrames().Select(frame => frame.GetMethod()?.DeclaringType).OfType<Type>().FirstOrDefault(IsSomebodys) is { } thrower && isUnderTest(thrower);

    // What throws for an index out of bounds is in the core library as well, in a namespace of its own.
    private static bool IsSomebodys(Type type) =>
        type.Assembly != typeof(object).Assembly && (type.Namespace is not { } space || (space != typeof(Probes).Namespace && !IsIn(space, nameof(System)) && !IsIn(space, nameof(Microsoft))));

    private static bool IsIn(string space, string root) => space == root || space.StartsWith(root + ".", StringComparison.Ordinal);

    // Frames of the runtime and of the probes say nothing of where the bug is.
    private static string Frames(Exception exception, int count) => string.Join(" < ",
        new StackTrace(exception).GetFrames()
            .Select(frame => frame.GetMethod())
            .Where(method => method?.DeclaringType?.FullName is { } type && type.StartsWith("Viommu.", StringComparison.Ordinal)
                && !type.StartsWith("Viommu.Fuzz.", StringComparison.Ordinal))
            .Select(method => $"{method!.DeclaringType!.Name}.{method.Name}")
            .Take(count));
}
