using System.CommandLine;
using System.Globalization;
using Viommu.Conformance.Program;
using Viommu.Conformance.Selftest;
using Viommu.Fuzz.Corpora;
using Viommu.Fuzz.Devices;
using Viommu.Fuzz.Engine;
using Viommu.Fuzz.Reports;
using Viommu.Fuzz.Targets;
using Viommu.Guest.Targets.Qemu;

namespace Viommu.Fuzz.Program;

/// <summary>Arguments and options that several verbs take, and what they mean.</summary>
internal static class Arguments
{
    /// <summary>What <c>--device</c> is where nobody says.</summary>
    public const string ReferenceDevice = "model";

    public static Argument<string> Target() => new("TARGET") { Description = $"One of {string.Join(", ", TargetList.All.Select(target => target.Name))}." };

    /// <summary>The target of a file, where no folder above it is named after one.</summary>
    public static Option<string?> TargetOption() => new("--target") { Description = "The fuzz target. [default: that of the finding, where its .json is beside the file, else the name of a folder above]", HelpName = "TARGET" };

    public static Option<string> Device() => new("--device")
    {
        Description = "What to fuzz: model (the reference device), qemu or qemu:PATH (a real one; sequence, split-ring and packed-ring), exec:COMMAND or exec,ring=packed:COMMAND "
            + "(the device that COMMAND serves, as 'conformance --target exec:COMMAND' drives it; the same targets), or broken:NAME for one of the devices of 'conformance selftest'; NAME is its number or part of its name.",
        HelpName = "DEVICE",
        DefaultValueFactory = _ => ReferenceDevice,
    };

    /// <summary>The device of an input that a campaign may have found.</summary>
    public static Option<string> DeviceOfFinding()
    {
        var option = Device();
        option.Description += " Where the .json of a finding is beside the file, its device is the default.";
        return option;
    }

    /// <summary>The device where only one in this process will do.</summary>
    public static Option<string> DeviceInProcess() => new("--device")
    {
        Description = "What to fuzz: model (the reference device), or broken:NAME for one of the devices of 'conformance selftest'; NAME is its number or part of its name.",
        HelpName = "DEVICE",
        DefaultValueFactory = _ => ReferenceDevice,
    };

    /// <summary>
    /// The target and the device that an input is for: what the user says of it, else what stands beside it where a campaign has found it, which is
    /// told, else the target that a folder above is named after, and the reference device.
    /// </summary>
    public static (TargetInfo Target, string Device) MeantFor(string file, ParseResult parsed, Option<string?> target, Option<string> device, Action<string> tell)
    {
        var found = FindingRecord.Beside(file);
        string meant = parsed.GetRequiredValue(device);
        if (parsed.GetResult(device) is null or { Implicit: true } && found is var (record, beside) && record.Device is { } foundOn && foundOn != meant)
        {
            meant = foundOn;
            tell($"on {foundOn}, as {beside} says; --device names another");
        }

        return (InputFile.TargetOf(file, parsed.GetValue(target) ?? found?.Record.Target), meant);
    }

    public static TargetInfo FindTarget(string name) =>
        TargetList.All.FirstOrDefault(target => target.Name == name)
        ?? throw new UsageException($"there is no target '{name}'; 'fuzz list' shows those that there are");

    /// <summary>The number of the broken device that is meant; negative for the reference device.</summary>
    public static int FindDevice(string device)
    {
        const string Broken = "broken:";
        if (device == ReferenceDevice) return -1;
        if (!device.StartsWith(Broken, StringComparison.Ordinal)) throw new UsageException($"there is no device '{device}': it is model, qemu, qemu:PATH, exec:COMMAND or broken:NAME");
        string name = device[Broken.Length..];
        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < BrokenDevices.All.Count) return number;
        var found = BrokenDevices.All.Select((candidate, index) => (candidate.Name, index)).Where(candidate => candidate.Name.Contains(name, StringComparison.OrdinalIgnoreCase)).ToList();
        var exact = found.Where(candidate => candidate.Name == name).ToList();
        if (exact.Count == 1) return exact[0].index;
        return found.Count switch
        {
            1 => found[0].index,
            0 => throw new UsageException($"no broken device is called '{name}'; 'fuzz list --devices' shows them"),
            _ => throw new UsageException($"'{name}' is part of {found.Count} names: {string.Join("; ", found.Take(4).Select(candidate => candidate.Name))}"),
        };
    }

    /// <summary>
    /// An executor that runs single inputs on that device, with the bounds that campaigns set. What is done to a QEMU is kept where there is a
    /// <paramref name="transcript"/>.
    /// </summary>
    public static IExecutor NewExecutor(TargetInfo target, string device, QtestTranscript? transcript = null)
    {
        using var outside = OutsideDevice.Find(device, target, transcript);
        return NewExecutor(target, device, outside);
    }

    /// <summary>The same on <paramref name="outside"/>; where that is null, on the device in this process.</summary>
    public static IExecutor NewExecutor(TargetInfo target, string device, OutsideDevice? outside) =>
        outside?.NewReplay() ?? new TargetHost(target, FindDevice(device)).Instrumented();

    /// <summary>The seed that <c>--seed</c> gives, or one that is chosen.</summary>
    public static ulong ReadSeed(string? given) => given is { } text
        ? ParseNumber(text) ?? throw new UsageException("--seed takes a number from 0 to 2^64-1")
        : (ulong)Random.Shared.NextInt64();

    /// <summary>A number in decimal, or in hexadecimal with 0x.</summary>
    public static ulong? ParseNumber(string text)
    {
        bool isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return ulong.TryParse(isHex ? text[2..] : text, isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
            ? number
            : null;
    }
}
