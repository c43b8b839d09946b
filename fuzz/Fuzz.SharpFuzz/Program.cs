using SharpFuzz;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Engine.Findings;
using Viommu.Fuzz.Targets;

// The targets under SharpFuzz's own drivers: fuzz-sharpfuzz TARGET under afl-fuzz, fuzz-sharpfuzz TARGET libfuzzer under libfuzzer-dotnet.
// SharpFuzz instruments on disk: sharpfuzz Viommu.Device.dll, in the folder of this program, before it is started.
if (args.Length is < 1 or > 2)
{
    Console.Error.WriteLine("usage: fuzz-sharpfuzz TARGET [libfuzzer]");
    return 3;
}

using IExecutor executor = new TargetHost(TargetList.Find(args[0])).Plain();
if (args is [_, "libfuzzer", ..]) Fuzzer.LibFuzzer.Run(Execute);
else Fuzzer.Run((Stream stream) => Execute(ReadAll(stream)));
return 0;

// Both drivers take an exception for a crash, and show what it says.
void Execute(ReadOnlySpan<byte> input)
{
    if (executor.Execute(input) is { } finding) throw new BrokenInvariantException(finding.Key.Rule, finding.Key.State, $"{finding.Key}: {finding.Message}");
}

static byte[] ReadAll(Stream stream)
{
    using var bytes = new MemoryStream();
    stream.CopyTo(bytes);
    return bytes.ToArray();
}
