namespace Viommu.Fuzz.Engine;

/// <summary>Threads for code that may recurse as an input tells it: it runs out of fuel, which is a finding, before it runs out of stack, which is the end.</summary>
public static class DeepStack
{
    private const int Size = 64 << 20;

    /// <summary>Starts such a thread.</summary>
    public static Thread Start(string name, Action run)
    {
        var thread = new Thread(() => run(), Size) { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }
}
