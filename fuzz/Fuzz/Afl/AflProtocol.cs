namespace Viommu.Fuzz.Afl;

/// <summary>The fork-server protocol of AFL++ up to 4.1x, which later versions take as well.</summary>
internal static class AflProtocol
{
    public const int CommandDescriptor = 198;
    public const int StatusDescriptor = 199;

    public const string MapVariable = "__AFL_SHM_ID";
    public const string TestCaseVariable = "__AFL_SHM_FUZZ_ID";

    /// <summary>Has a program say how large its map is, and end.</summary>
    public const string AskMapSizeVariable = "AFL_DUMP_MAP_SIZE";

    /// <summary>Tells a program how large the map is that it finds.</summary>
    public const string MapSizeVariable = "AFL_MAP_SIZE";

    /// <summary>What a wait status says of a process that SIGABRT has ended.</summary>
    public const uint Aborted = 6;

    private const uint Enabled = 0x8000_0001;
    private const uint HasMapSize = 0x4000_0000;
    private const uint HasTestCases = 0x0100_0000;
    private const uint HasDictionary = 0x1000_0000;

    /// <summary>Says hello and hands over the dictionary; false where the other side is gone, or wants something else.</summary>
    public static bool TryGreet(int mapSize, bool hasTestCases, ReadOnlySpan<byte> dictionary)
    {
        uint hello = Enabled | HasMapSize | ((uint)(mapSize - 1) << 1) | (hasTestCases ? HasTestCases : 0) | (dictionary.IsEmpty ? 0 : HasDictionary);
        if (!Posix.TryWrite(StatusDescriptor, hello)) return false;
        // Without either of the two there is no answer.
        if (!hasTestCases && dictionary.IsEmpty) return true;
        if (!Posix.TryRead(CommandDescriptor, out uint answer)) return false;
        // Only afl-fuzz wants the dictionary, and only once.
        if ((answer & HasDictionary) == 0 || dictionary.IsEmpty) return true;
        return Posix.TryWrite(StatusDescriptor, (uint)dictionary.Length) && Posix.TryWrite(StatusDescriptor, dictionary);
    }
}
