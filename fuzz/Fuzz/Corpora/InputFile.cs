using Viommu.Conformance.Program;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Corpora;

/// <summary>Files that a user names.</summary>
internal static class InputFile
{
    /// <summary>The target that a file is for: the one that the user says, or one that a folder above the file is named after.</summary>
    public static TargetInfo TargetOf(string file, string? said)
    {
        if (said is not null)
            return TargetList.All.FirstOrDefault(target => target.Name == said) ?? throw new UsageException($"there is no target '{said}'; 'fuzz list' shows those that there are");
        return TargetAbove(file) ?? throw new UsageException($"--target is needed: no folder above {file} is named after a target");
    }

    /// <summary>The target that the nearest folder above a file is named after; null where none is.</summary>
    public static TargetInfo? TargetAbove(string file)
    {
        for (var folder = Directory.GetParent(Path.GetFullPath(file)); folder is not null; folder = folder.Parent)
        {
            if (TargetList.All.FirstOrDefault(target => target.Name == folder.Name) is { } target) return target;
        }

        return null;
    }

    /// <summary>The input in a file.</summary>
    public static byte[] Read(string file, TargetInfo target)
    {
        if (!File.Exists(file)) throw new UsageException($"there is no file {file}");
        string trouble = "";
        return CorpusFolder.TryRead(file, target.Format, message => trouble = message) ?? throw new UsageException(trouble);
    }
}
