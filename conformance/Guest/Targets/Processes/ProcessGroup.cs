using System.Runtime.InteropServices;

namespace Viommu.Guest.Targets.Processes;

/// <summary>The processes that a program has started, as far as none of them has left its group.</summary>
internal static partial class ProcessGroup
{
    private const int Sigkill = 9;

    /// <summary>Ends every process of the group that <paramref name="leader"/> leads, or led; none may be left, which is what is asked for.</summary>
    public static void Kill(int leader) => _ = Signal(-leader, Sigkill);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
