namespace Viommu.Guest.Targets.Processes;

/// <summary>A directory of random name that only this user can enter; deleted with all it holds.</summary>
internal sealed class PrivateDirectory : IDisposable
{
    /// <summary>Makes one inside <paramref name="parent"/>. Throws <see cref="IOException"/> and kin.</summary>
    public PrivateDirectory(string parent)
    {
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException("targets in processes of their own are driven on UNIX systems alone");
        Path = System.IO.Path.Combine(parent, $"viommu-{Guid.NewGuid():n}");
        Directory.CreateDirectory(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>The path of a file in it.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Deletes it; may be called again, and from another thread at the same time.</summary>
    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Deleted already, which is what is asked for.
        }
    }
}
