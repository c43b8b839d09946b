using Viommu.Conformance.Oracle;
using Viommu.Conformance.Scripts;
using Viommu.Fuzz.Machines;
using Viommu.Guest.Driver;
using Viommu.Guest.Targets;

namespace Viommu.Fuzz.Devices;

/// <summary>
/// Accesses of the endpoints of a machine, and where they got to: what is written shows in memory; what is read shows once the endpoint has
/// stored it where it certainly can.
/// </summary>
internal sealed class BenchDma
{
    private readonly Machine _machine;
    private readonly DmaEndpoint[] _endpoints;
    private readonly byte[]?[] _held;
    private readonly Playground _memory;
    private bool _isPrimed;

    /// <summary>Lays the memory out; it has to be the heap's first user.</summary>
    public BenchDma(Machine machine)
    {
        _machine = machine;
        // The same addresses as on the reference device's machine: programs mean the same.
        machine.Heap.Allocate(TestBed.Ram - machine.Target.Ram.Window.First, 1);
        _memory = new(machine, TestBed.Page);
        _endpoints = [.. machine.Target.BusMasters.Select(master => new DmaEndpoint(master, machine))];
        _held = new byte[]?[_endpoints.Length];
    }

    /// <summary>Guest memory that accesses are seen in.</summary>
    public AddressWindow Window => new(_memory.Base, _memory.Last);

    /// <summary>The endpoints that accesses can be made from.</summary>
    public IEnumerable<uint> Endpoints => _endpoints.Select(endpoint => endpoint.Id);

    /// <summary>Why no access is made; null where they are.</summary>
    public string? WhyNot => _isPrimed ? null : "endpoints reach memory neither in bypass mode nor through a mapping";

    /// <summary>After a reset of the machine nobody knows what the endpoints hold.</summary>
    public void Forget()
    {
        _isPrimed = false;
        Array.Clear(_held);
    }

    /// <summary>
    /// Puts every endpoint's pattern in place; the device has to be as after a device reset. Where it is not in bypass mode then,
    /// <paramref name="otherwise"/> does it.
    /// </summary>
    public void Prime(Func<DmaEndpoint, bool> otherwise)
    {
        if (_isPrimed) return;
        _isPrimed = _endpoints.All(endpoint => endpoint.TryPrime(_memory.Base, _memory.Base)) || _endpoints.All(otherwise);
        _memory.Restore(_memory.Base, _memory.Length);
    }

    /// <summary>Another program begins: in memory there is what it expects, whatever the one before has had devices write.</summary>
    public void Begin() => _memory.Restore(_memory.Base, _memory.Length);

    /// <summary>
    /// Makes an access and finds out where it got to; false where it is left out, since it could get to the driver's own memory or where
    /// nobody sees it, or could not be seen from here.
    /// </summary>
    public bool TryAccess(SpecOracle oracle, uint endpoint, ulong at, bool isWrite, Span<ulong> landed)
    {
        int index = Array.FindIndex(_endpoints, candidate => candidate.Id == endpoint);
        if (index < 0 || !_isPrimed || oracle.IsLost || IsElsewhere(at, landed.Length) || oracle.MayLeave(endpoint, at, landed.Length, isWrite, Window)) return false;
        landed.Fill(SpecOracle.Nowhere);
        if (!isWrite) return TryRead(oracle, index, at, landed);
        _endpoints[index].Write(at, landed.Length);
        _memory.FindWritten(_endpoints[index].Pattern[..landed.Length], landed);
        return true;
    }

    /// <summary>An endpoint reads, and nobody looks where from.</summary>
    public void Read(uint endpoint, ulong at, int length) => Array.Find(_endpoints, candidate => candidate.Id == endpoint)!.Read(at, length);

    // A device that lets an untranslated access through must not do harm by it.
    private bool IsElsewhere(ulong at, int length)
    {
        ulong last = unchecked(at + (ulong)length - 1);
        return !(at >= Window.First && last <= Window.Last) && (Meets(_machine.Target.Ram.Window) || Meets(_machine.Target.BarWindow));

        bool Meets(AddressWindow window) => at <= window.Last && last >= window.First;
    }

    private bool TryRead(SpecOracle oracle, int index, ulong at, Span<ulong> landed)
    {
        var endpoint = _endpoints[index];
        if (!oracle.TryFindWindow(endpoint.Id, landed.Length, Window, out ulong window, out ulong backing)) return false;
        var before = _held[index] is { } held && held.Length >= landed.Length ? held : Spill(oracle, endpoint, window, backing, landed.Length);
        endpoint.Read(at, landed.Length);
        var after = Spill(oracle, endpoint, window, backing, landed.Length);
        _held[index] = after;
        if (before is null || after is null)
        {
            landed.Fill(SpecOracle.Unseen);
            return true;
        }

        bool isKnown = true;
        for (int i = 0; i < landed.Length; i++)
        {
            if (oracle.TryTranslate(endpoint.Id, unchecked(at + (ulong)i), isWrite: false, out ulong physical) && _memory.Holds(physical) && after[i] == _memory[physical])
                landed[i] = physical;
            else if (after[i] != before[i]) isKnown = false;
        }

        // Something else than was there before, and than was to be expected: it counts where it can be found.
        if (!isKnown && _memory.TryFindSource(after, out ulong source))
        {
            for (int i = 0; i < landed.Length; i++) landed[i] = source + (ulong)i;
        }

        return true;
    }

    // Null where it did not arrive: then it can be anywhere.
    private byte[]? Spill(SpecOracle oracle, DmaEndpoint endpoint, ulong window, ulong backing, int length)
    {
        _memory.Blank(backing, length);
        var bytes = endpoint.Spill(window, backing, length);
        // The device can have refused it, and report it.
        Span<ulong> unseen = stackalloc ulong[length];
        unseen.Fill(SpecOracle.Unseen);
        oracle.JudgeAccess(endpoint.Id, window, isWrite: true, unseen);
        bool isThere = bytes.AsSpan().IndexOfAnyExcept(Playground.Blanked) >= 0;
        if (isThere) _memory.Restore(backing, length);
        else Begin();
        return isThere ? bytes : null;
    }
}
