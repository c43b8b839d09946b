using Viommu.Guest.Targets.Processes;

namespace Viommu.Guest.Targets.Served;

/// <summary>
/// A device that is being served, with our end of its connection and of its memory. From the moment it has been started the file
/// that is its memory has no name any more, so nothing can be left behind.
/// </summary>
internal sealed class ServedMachine : IDisposable
{
    private readonly IServedPeer _peer;
    private readonly PrivateDirectory _directory;
    private readonly Lock _gate = new();
    private bool _disposed;

    private ServedMachine(IServedPeer peer, SharedRam ram, PrivateDirectory directory, TimeSpan deadline)
    {
        (_peer, Ram, _directory) = (peer, ram, directory);
        Client = new LineClient(peer, deadline);
        AppDomain.CurrentDomain.ProcessExit += EndWithProcess;
    }

    /// <summary>Guest memory.</summary>
    public SharedRam Ram { get; }

    /// <summary>The connection.</summary>
    public LineClient Client { get; }

    /// <summary>What it said of itself.</summary>
    public Greeting Greeting { get; private set; } = null!;

    /// <summary>What it last wrote beside its answers.</summary>
    public string LastWords => _peer.LastWords;

    /// <summary>
    /// Greets and starts a device of that shape, which is to offer <paramref name="also"/> too where it takes shapes. Returns null, and
    /// the reason, where there is none; throws <see cref="TargetUnavailableException"/>.
    /// </summary>
    public static ServedMachine? Start(
        Func<IServedPeer> launch, TargetShape shape, ulong also, TimeSpan patience, TimeSpan deadline, out string? whyNot)
    {
        var machine = Launch(launch, deadline);
        try
        {
            machine.Greeting = machine.Greet(patience);
            whyNot = machine.Begin(shape, also, patience);
        }
        catch (Exception failure) when (failure is GuestSetupException or TargetDiedException or TargetHungException)
        {
            machine.Dispose();
            throw new TargetUnavailableException($"--target exec: {failure.Message}{Advice(machine, failure)}{Words(failure)}", failure);
        }
        catch
        {
            machine.Dispose();
            throw;
        }
        if (whyNot is null) return machine;
        machine.Dispose();
        return null;
    }

    /// <summary>Ends it, from any thread; a call that waits for it finds the connection closed.</summary>
    public void Kill()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _peer.Kill();
            Client.Abort();
        }
    }

    /// <summary>Ends it and lets go of everything.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
        }
        AppDomain.CurrentDomain.ProcessExit -= EndWithProcess;
        if (Client.HasFailed) _peer.Kill();
        _peer.Dispose();
        Ram.Dispose();
        _directory.Dispose();
    }

    private static ServedMachine Launch(Func<IServedPeer> launch, TimeSpan deadline)
    {
        var peer = launch();
        try
        {
            var ram = SharedRam.CreateWhereThereIsRoom(out var directory);
            return new(peer, ram, directory, deadline);
        }
        catch (Exception failure)
        {
            peer.Kill();
            peer.Dispose();
            if (failure is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
                throw new TargetUnavailableException($"--target exec: there is no room for guest memory: {failure.Message}", failure);
            throw;
        }
    }

    private Greeting Greet(TimeSpan patience)
    {
        var command = $"hello {Greeting.Protocol}";
        var answer = Client.Ask(command, patience);
        if (answer.Kind != AnswerKind.Ok) throw Client.Misbehaved(command, answer);
        try
        {
            var greeting = Greeting.Parse(answer.Text);
            Client.Name = greeting.Name;
            Client.Deadline = greeting.Deadline ?? Client.Deadline;
            return greeting;
        }
        catch (FormatException wrong)
        {
            throw new TargetUnavailableException($"--target exec: the answer to '{command}' makes no sense: {wrong.Message}", wrong);
        }
    }

    /// <summary>Gives the device its memory and its shape; why it has none of that shape, or null.</summary>
    private string? Begin(TargetShape shape, ulong also, TimeSpan patience)
    {
        if (Greeting.Can.HasFlag(Abilities.Shape)) shape = shape with { Offering = shape.Offering | also };
        else if (shape != TargetShape.Default) return Greeting.WhyNoShapes;
        var command = string.Join(' ', ["start", Wording.Number((ulong)SharedRam.SizeInMebibytes << 20), .. ShapeWords.Of(shape)]);
        var answer = Client.Ask($"{command} {_directory[SharedRam.FileName]}", patience);
        if (answer.Kind == AnswerKind.No) return answer.Text.Length > 0 ? answer.Text : $"{Greeting.Name} cannot have a device {shape}";
        if (answer is not { Kind: AnswerKind.Ok, Text: "" }) throw Client.Misbehaved(command, answer);
        _directory.Dispose();
        return null;
    }

    private static string Advice(ServedMachine machine, Exception failure) => (machine.Greeting, failure) switch
    {
        (null, TargetHungException { Message: var message }) when message.Contains("did not answer", StringComparison.Ordinal) =>
            "; every line of its standard input takes one line of its standard output in answer, which has to be flushed",
        (null, TargetHungException) => "; standard output is for answers alone, the first of which is 'OK 1 name=... device=...'; logs go to standard error",
        _ => "",
    };

    private static string Words(Exception failure) => failure switch
    {
        TargetDiedException died => $"; on standard error: {Last(died.LastWords)}",
        TargetHungException hung => $"; on standard error: {Last(hung.LastWords)}",
        _ => "",
    };

    private static string Last(string words) => string.Join("; ", words.Split('\n').TakeLast(3));

    private void EndWithProcess(object? sender, EventArgs e)
    {
        Kill();
        _directory.Dispose();
    }
}
