using System.Diagnostics;
using System.Globalization;
using Viommu.Fuzz.Program;

namespace Viommu.Fuzz.Tests.Program;

public class ChildReplayTests
{
    [Fact]
    public void What_a_process_has_started_ends_with_it()
    {
        using var process = Process.Start(new ProcessStartInfo("bash", ["-c", "sleep 1000 & echo $!; wait"]) { RedirectStandardOutput = true })!;
        int started = int.Parse(process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
        Assert.False(ChildReplay.TryWait(process, TimeSpan.Zero));
        Assert.True(process.HasExited);
        Assert.True(HasEnded(started), "the process that it has started is still there");
    }

    // Where nobody waits for it, its entry stays: as a zombie.
    private static bool HasEnded(int id)
    {
        for (int patience = 0; patience < 600; patience++)
        {
            string stat = $"/proc/{id.ToString(CultureInfo.InvariantCulture)}/stat";
            try
            {
                if (File.ReadAllText(stat).Contains(") Z ", StringComparison.Ordinal)) return true;
            }
            catch (IOException)
            {
                return true;
            }

            Thread.Sleep(100);
        }

        return false;
    }
}
