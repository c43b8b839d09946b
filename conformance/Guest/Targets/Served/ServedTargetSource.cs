using System.Collections.ObjectModel;
using System.Runtime.CompilerServices;
using Viommu.Guest.Driver;
using Viommu.Guest.Wire;

namespace Viommu.Guest.Targets.Served;

/// <summary>Starts a program for each target, and drives the device that it serves on its standard input and output.</summary>
public sealed class ServedTargetSource : ITargetSource
{
    // A program may have a machine to build before it says hello.
    private static readonly TimeSpan UsualPatience = TimeSpan.FromSeconds(20);

    // A round trip takes microseconds; seconds are what a busy machine may take away from the program.
    private static readonly TimeSpan UsualDeadline = TimeSpan.FromSeconds(5);

    private readonly Func<IReadOnlyDictionary<string, string>, IServedPeer> _launch;
    private readonly IReadOnlyDictionary<string, string> _variables;
    private readonly bool _packed;
    private readonly StrongBox<Greeting?> _known;

    /// <param name="command">
    /// The program, a path or a name on <c>PATH</c>, and its arguments, parted by blanks; '...', "..." and \ quote as in a shell.
    /// </param>
    /// <param name="packed">Ask for RING_PACKED, and have drivers accept it.</param>
    /// <exception cref="FormatException">The command names no program, or a quote does not end.</exception>
    public ServedTargetSource(string command, bool packed = false)
        : this(CommandWords.Of(command), packed)
    {
    }

    internal ServedTargetSource(Func<IServedPeer> launch, bool packed = false)
        : this([], _ => launch(), packed, ReadOnlyDictionary<string, string>.Empty, new())
    {
    }

    private ServedTargetSource(IReadOnlyList<string> command, bool packed)
        : this(command, variables => ServedProcess.Start(command, variables), packed, ReadOnlyDictionary<string, string>.Empty, new())
    {
    }

    private ServedTargetSource(
        IReadOnlyList<string> command, Func<IReadOnlyDictionary<string, string>, IServedPeer> launch, bool packed, IReadOnlyDictionary<string, string> variables,
        StrongBox<Greeting?> known) => (Command, _launch, _packed, _variables, _known) = (command, launch, packed, variables, known);

    /// <summary>The program and its arguments.</summary>
    public IReadOnlyList<string> Command { get; }

    /// <inheritdoc/>
    public string Name => _packed ? "exec-packed" : "exec";

    /// <summary>How long the program may take to say hello, and to start its device.</summary>
    public TimeSpan Patience { get; init; } = UsualPatience;

    /// <summary>How long it may take for an answer after that; one that takes longer hangs.</summary>
    public TimeSpan Deadline { get; init; } = UsualDeadline;

    /// <summary>The longest that a device of this source keeps anybody waiting; known once one has been opened.</summary>
    public TimeSpan LongestWait => Patience + Patience + (Known?.Deadline ?? Deadline);

    /// <inheritdoc/>
    public ulong AlsoAccept => _packed ? Features.RingPacked : 0;

    /// <inheritdoc/>
    /// <remarks>Known once a device has been opened.</remarks>
    public bool HasVirtualTime => Known?.HasVirtualTime ?? false;

    /// <summary>The same program, which finds <paramref name="variables"/> in its environment beside those of this process.</summary>
    public ServedTargetSource With(IReadOnlyDictionary<string, string> variables) => new(Command, _launch, _packed, variables, _known) { Patience = Patience, Deadline = Deadline };

    /// <summary>The same program, asked for RING_PACKED.</summary>
    public ServedTargetSource WithPackedRings() => new(Command, _launch, packed: true, _variables, _known) { Patience = Patience, Deadline = Deadline };

    // What the program said of itself, once it has been greeted.
    private Greeting? Known => Volatile.Read(ref _known.Value);

    /// <inheritdoc/>
    public ITarget? Open(TargetShape shape, out string? whyNot)
    {
        ArgumentNullException.ThrowIfNull(shape);
        whyNot = shape != TargetShape.Default && Known is { } known && !known.Can.HasFlag(Abilities.Shape) ? known.WhyNoShapes : null;
        if (whyNot is not null) return null;
        var machine = ServedMachine.Start(() => _launch(_variables), shape, AlsoAccept, Patience, Deadline, out whyNot);
        if (machine is null) return shape == TargetShape.Default ? throw new TargetUnavailableException($"--target exec: {whyNot}") : null;
        Volatile.Write(ref _known.Value, machine.Greeting);
        var target = new ServedTarget(machine);
        try
        {
            if (_packed && (Machine.Discover(target).ReadOfferedFeatures() & Features.RingPacked) == 0)
                throw new TargetUnavailableException($"{target.Identity} does not offer RING_PACKED, which ring=packed asks for");
            return target;
        }
        catch (Exception failure) when (failure is GuestSetupException or TargetDiedException or TargetHungException)
        {
            target.Dispose();
            throw new TargetUnavailableException($"{target.Identity} cannot be brought up: {failure.Message}", failure);
        }
        catch
        {
            target.Dispose();
            throw;
        }
    }

    /// <summary>Does nothing: the targets belong to who opened them.</summary>
    public void Dispose()
    {
    }
}
