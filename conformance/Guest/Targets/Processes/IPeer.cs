namespace Viommu.Guest.Targets.Processes;

/// <summary>Who is at the other end of a connection, for the words of an exception.</summary>
internal interface IPeer
{
    /// <summary>What it last wrote, one or more lines.</summary>
    string LastWords { get; }

    /// <summary>Processor time that it has used so far; zero where nobody knows.</summary>
    TimeSpan ProcessorTime { get; }

    /// <summary>How it ended ("ended with exit code 1"); called once the connection has been lost, waits shortly for the end.</summary>
    string HowItEnded();
}
