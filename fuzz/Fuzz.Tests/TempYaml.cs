using System.Text;
using Viommu.Conformance.Expectations;
using Viommu.Fuzz.Engine.Mutation;
using Viommu.Fuzz.Targets;
namespace Viommu.Fuzz.Tests;

public class TempYaml
{
    [Fact]
    public void Find()
    {
        var target = TargetList.Find("parsers");
        var seeds = target.Seeds().Select(seed => seed.Input).ToArray();
        var mutator = new Mutator(target.Shape, new ValueDictionary(target.Values, target.Tokens), new Random64(11));
        byte[]? best = null;
        for (int i = 0; i < 200000; i++)
        {
            var input = mutator.Mutate(i % 3 == 0 && best is not null ? best : seeds[0], seeds[(i / 7) % seeds.Length]).ToArray();
            if (input.Length == 0 || input[0] % 6 != 0 || (best is not null && input.Length >= best.Length)) continue;
            if (Stuck(input)) best = input;
        }
        if (best is null) { File.WriteAllText("/tmp/yaml.txt", "none"); return; }
        for (bool again = true; again;)
        {
            again = false;
            for (int at = 1; at < best.Length; at++)
            {
                byte[] shorter = [.. best[..at], .. best[(at + 1)..]];
                if (!Stuck(shorter)) continue;
                best = shorter; again = true; break;
            }
        }
        File.WriteAllText("/tmp/yaml.txt", Convert.ToHexString(best));
    }
    private static bool Stuck(byte[] input)
    {
        try { ExpectationFile.Parse("input", Encoding.UTF8.GetString(input.AsSpan(1))); return false; }
        catch (ExpectationFormatException e) { return e.InnerException is InvalidOperationException; }
        catch (Exception e) { File.WriteAllText("/tmp/yaml2.txt", e.ToString() + Convert.ToHexString(input)); return false; }
    }
}
