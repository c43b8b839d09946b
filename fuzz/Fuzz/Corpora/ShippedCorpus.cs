using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Corpora;

/// <summary>The folder <c>corpus</c> of the repository, or the copy of it that an installed program has beside it: seeds and regressions, by target.</summary>
internal static class ShippedCorpus
{
    private const string Name = "corpus";

    /// <summary>Where it is: the one that the working directory, or a folder above it, has, else the one of the program; null where there is none.</summary>
    public static string? Folder
    {
        get
        {
            for (var folder = new DirectoryInfo(Directory.GetCurrentDirectory()); folder is not null; folder = folder.Parent)
            {
                string candidate = Path.Combine(folder.FullName, Name);
                // Others name their folders so as well; this one has folders that are named after targets.
                if (TargetList.All.Any(target => Directory.Exists(Path.Combine(candidate, "seeds", target.Name)))) return candidate;
            }

            string own = Path.Combine(AppContext.BaseDirectory, Name);
            return Directory.Exists(own) ? own : null;
        }
    }

    /// <summary>Every file of a target, seeds before regressions.</summary>
    public static IEnumerable<StoredInput> Files(TargetInfo target, Action<string> complain) => Folder is not { } folder ? [] :
    [
        .. CorpusFolder.Read(Path.Combine(folder, "seeds", target.Name), target.Format, complain),
        .. CorpusFolder.Read(Path.Combine(folder, "regressions", target.Name), target.Format, complain),
    ];

    /// <summary>The inputs of a target.</summary>
    public static IEnumerable<byte[]> Inputs(TargetInfo target, Action<string> complain) => Files(target, complain).Select(file => file.Input);
}
