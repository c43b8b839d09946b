namespace SharpFuzz;

/// <summary>Runs one input.</summary>
/// <param name="span">The input.</param>
public delegate void ReadOnlySpanAction(ReadOnlySpan<byte> span);

/// <summary>
/// Stands in for the package of that name where it cannot be restored: the public signatures that the adapter uses. Without a driver there
/// is one input, on standard input, and it is run once, as the package does it outside of a fuzzer.
/// </summary>
public static class Fuzzer
{
    /// <summary>The driver of afl-fuzz.</summary>
    public static void Run(Action<Stream> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        using var input = Console.OpenStandardInput();
        action(input);
    }

    /// <summary>The driver of libFuzzer.</summary>
    public static class LibFuzzer
    {
        /// <summary>Runs inputs until libFuzzer has no more.</summary>
        public static void Run(ReadOnlySpanAction action, bool ignoreExceptions = false)
        {
            ArgumentNullException.ThrowIfNull(action);
            using var input = Console.OpenStandardInput();
            using var bytes = new MemoryStream();
            input.CopyTo(bytes);
            try
            {
                action(bytes.ToArray());
            }
            catch (Exception) when (ignoreExceptions)
            {
                // What the caller asked for.
            }
        }
    }
}
