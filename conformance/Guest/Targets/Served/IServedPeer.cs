namespace Viommu.Guest.Targets.Served;

/// <summary>Whoever serves a device at the other end of two streams. Disposing of it asks it to end, and then makes it.</summary>
internal interface IServedPeer : IDisposable
{
    /// <summary>Where commands go.</summary>
    Stream Commands { get; }

    /// <summary>Where answers come from.</summary>
    Stream Answers { get; }

    /// <summary>What it last wrote beside its answers, one or more lines.</summary>
    string LastWords { get; }

    /// <summary>How it ended ("ended with exit code 1"); called once the connection has been lost, waits shortly for the end.</summary>
    string HowItEnded();

    /// <summary>Ends it at once, from any thread.</summary>
    void Kill();
}
