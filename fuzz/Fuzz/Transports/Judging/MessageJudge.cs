using System.Buffers.Binary;
using Viommu.Fuzz.Machines;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>
/// MSI-X (section 4.1.5.1.2): to which vector each event is mapped, and which messages have to arrive, or may. A message is a word in memory
/// that a driver has pointed the vector at.
/// </summary>
internal sealed class MessageJudge(ShadowedMemory memory)
{
    /// <summary>Events: each queue, and changes of the configuration.</summary>
    public const int ConfigurationEvent = DeviceJudge.QueueCount;

    /// <summary>No vector (section 4.1.5.1.2).</summary>
    public const ushort NoVector = 0xffff;

    /// <summary>The most vectors that are looked at.</summary>
    public const int MaximumVectors = 8;

    private const int Events = DeviceJudge.QueueCount + 1;
    private const int Messages = 0xf000;

    // What registers show; null where nobody knows.
    private readonly ushort?[] _vectors = new ushort?[Events];
    private readonly string[] _vectorBecause = new string[Events];
    private readonly ushort?[] _written = new ushort?[Events];
    private readonly bool[] _isMasked = new bool[MaximumVectors];
    private readonly string?[] _due = new string?[MaximumVectors];
    private readonly bool[] _isPending = new bool[MaximumVectors];
    private bool _canSend;
    private bool _isAnythingPossible;

    // Something may have happened whose message is held back.
    private bool _mayBePending;
    private string _unmappedBecause = "";
    private string _unwantedBecause = "";

    /// <summary>Number of vectors that the function has.</summary>
    public int Vectors { get; set; }

    public bool IsEnabled { get; private set; }

    /// <summary>All vectors are masked.</summary>
    public bool IsHeld { get; private set; }

    /// <summary>Somebody has written to the table or the controls: messages can go anywhere.</summary>
    public bool IsTampered { get; private set; }

    /// <summary>Where the message of a vector goes, as an offset into memory.</summary>
    public static int PlaceOf(int vector) => Messages + (4 * vector);

    /// <summary>Messages can go anywhere.</summary>
    public void Tamper() => IsTampered = _isAnythingPossible = true;

    /// <summary>The driver has set up the whole table, every vector unmasked.</summary>
    public void SetUp()
    {
        IsTampered = false;
        Array.Clear(_isMasked);
        Array.Clear(_isPending);
        memory.Bytes.Slice(Messages, 4 * MaximumVectors).Clear();
    }

    /// <summary>The driver enables or disables messages, and masks all of them or not.</summary>
    public void Control(bool isEnabled, bool isHeld)
    {
        if (isEnabled != IsEnabled)
        {
            // What is mapped while there are no messages says nothing of when there are.
            Array.Clear(_isPending);
            Array.Clear(_vectors);
            Array.Clear(_written);
        }

        IsEnabled = isEnabled;
        IsHeld = isHeld;
        SendPending();
    }

    /// <summary>Whether the function may write to memory at all. Whether what it could not send comes later is up to the device.</summary>
    public void Allow(bool canSend)
    {
        if (canSend && !_canSend)
        {
            for (int i = 0; i < MaximumVectors; i++) _isAnythingPossible |= _isPending[i];
            Array.Clear(_isPending);
        }

        _canSend = canSend;
        SendPending();
    }

    /// <summary>The driver masks a vector, or unmasks it.</summary>
    public void Mask(int vector, bool isMasked)
    {
        _isMasked[vector] = isMasked;
        SendPending();
    }

    /// <summary>A device reset. PCI-MSIX-D-07: nothing is mapped.</summary>
    public void Reset()
    {
        Array.Fill(_vectors, NoVector);
        Array.Fill(_vectorBecause, "PCI-MSIX-D-07");
        Array.Clear(_written);
        Array.Clear(_due);
        // Section 2.4 ends all notifications; whether pending bits are among them is up to the device.
        for (int i = 0; i < MaximumVectors; i++) _isAnythingPossible |= _isPending[i];
        _mayBePending = false;
        Array.Clear(_isPending);
        _unmappedBecause = _unwantedBecause = "";
    }

    /// <summary>A queue reset: what its vector is now is up to the device.</summary>
    public void Forget(int happening) => _vectors[happening] = _written[happening] = null;

    /// <summary>The driver maps an event to a vector.</summary>
    public void Wrote(int happening, ushort vector)
    {
        _vectors[happening] = null;
        _written[happening] = IsEnabled ? vector : null;
    }

    /// <summary>The driver reads which vector an event is mapped to.</summary>
    public void Saw(int happening, ushort vector)
    {
        if (!IsEnabled) return;
        if (_written[happening] is { } written)
        {
            if (written == NoVector && vector != NoVector) Broken.Rule("PCI-MSIX-D-05", $"event {happening}", $"vector 0x{vector:x} is read where the event was unmapped");
            if (written >= Vectors && written != NoVector && vector != NoVector) Broken.Rule("PCI-MSIX-D-09", $"event {happening}", $"vector {vector} of {Vectors} is mapped");
            if (vector != written && vector != NoVector) Broken.Rule("PCI-MSIX-D-06", $"event {happening}", $"vector 0x{vector:x} is read where 0x{written:x} was written");
            if (written < Vectors && vector == NoVector) Broken.Rule("PCI-MSIX-D-08", $"event {happening}", $"vector {written} of {Vectors} cannot be mapped");
            _written[happening] = null;
            _vectorBecause[happening] = "PCI-MSIX-D-06";
        }
        else if (_vectors[happening] is { } known && known != vector)
        {
            Broken.Rule(_vectorBecause[happening], $"event {happening}", $"vector 0x{vector:x} is read where it is 0x{known:x}");
        }

        _vectors[happening] = vector;
    }

    /// <summary>An event of which the driver has to be told; the rule says so.</summary>
    public void Happened(int happening, string rule)
    {
        if (!IsEnabled) return;
        if (_vectors[happening] is not { } vector)
        {
            MayHappen();
        }
        else if (vector == NoVector)
        {
            _unmappedBecause = happening == ConfigurationEvent ? "PCI-CNOTIFY-D-02" : "PCI-UNOTIFY-D-01";
        }
        else if (vector >= MaximumVectors)
        {
            MayHappen();
        }
        else if (IsHeld || !_canSend || _isMasked[vector])
        {
            _isPending[vector] = true;
        }
        else
        {
            _due[vector] = rule;
        }
    }

    /// <summary>An event of which the driver may be told.</summary>
    public void MayHappen() => _isAnythingPossible = _mayBePending = true;

    /// <summary>A used buffer that the driver does not want to be told of, by that rule.</summary>
    public void Suppressed(string rule) => _unwantedBecause = rule;

    /// <summary>Looks which messages have arrived, and takes them.</summary>
    public void Look(bool isLost)
    {
        for (int vector = 0; vector < Math.Min(Vectors, MaximumVectors); vector++)
        {
            var place = memory.Bytes.Slice(PlaceOf(vector), 4);
            bool isThere = BinaryPrimitives.ReadUInt32LittleEndian(place) != 0;
            place.Clear();
            string? due = _due[vector];
            _due[vector] = null;
            if (isLost || IsTampered || _isAnythingPossible || isThere == due is not null) continue;
            if (!isThere) Broken.Rule(due!, "no message", $"no message of vector {vector} has come");
            Broken.Rule(RuleAgainst(vector), $"vector {vector}", $"a message of vector {vector} has come, although nothing has happened that it stands for");
        }

        _isAnythingPossible = isLost || IsTampered;
        _unmappedBecause = _unwantedBecause = "";
    }

    private string RuleAgainst(int vector)
    {
        if (_isPending[vector] || IsHeld || !_canSend || _isMasked[vector]) return "PCI-GEN-D-01";
        if (_unmappedBecause.Length > 0) return _unmappedBecause;
        return _unwantedBecause.Length > 0 ? _unwantedBecause : "PCI-MSIX-D-04";
    }

    private void SendPending()
    {
        if (!IsEnabled || !_canSend || IsHeld) return;
        _isAnythingPossible |= _mayBePending;
        for (int vector = 0; vector < MaximumVectors; vector++)
        {
            if (!_isPending[vector] || _isMasked[vector]) continue;
            _isPending[vector] = false;
            _due[vector] = "PCI-GEN-D-01";
        }
    }
}
