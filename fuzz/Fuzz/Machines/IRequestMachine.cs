using Viommu.Conformance.Oracle;

namespace Viommu.Fuzz.Machines;

/// <summary>
/// A machine that programs of requests run on: the reference device in shadowed memory, or a real one behind a socket. Whatever can be
/// judged by the machine itself (rings, memory) throws; what the spec says of answers is judged by whoever asks.
/// </summary>
internal interface IRequestMachine : IDisposable
{
    /// <summary>What there is to know of the device, with the features that the last <see cref="Start"/> has negotiated.</summary>
    DeviceFacts Facts { get; }

    /// <summary>The byte that the writable part of every request is filled with.</summary>
    byte Poison { get; }

    /// <summary>The last answer: the whole writable part.</summary>
    ReadOnlySpan<byte> Reply { get; }

    /// <summary>
    /// The device is as after <see cref="Start"/>, whatever program ran before, unless that has written <c>bypass</c>: then
    /// <see cref="SystemReset"/> comes first.
    /// </summary>
    void Begin(ulong wanted);

    /// <summary>Resets the device and has it accept as many of <paramref name="wanted"/> as it offers.</summary>
    void Start(ulong wanted);

    /// <summary>The reset line of the machine; <see cref="Start"/> has to follow.</summary>
    void SystemReset();

    /// <summary>Sends a request; the used length, or negative where the device wants to be reset instead.</summary>
    int Send(ReadOnlySpan<byte> readable, int writable, Framing framing);

    /// <summary>
    /// An endpoint makes an access of <paramref name="landed"/>'s length; for each byte the guest-physical address that it reached,
    /// <see cref="SpecOracle.Nowhere"/>, or <see cref="SpecOracle.Unseen"/>.
    /// </summary>
    void Access(uint endpoint, ulong at, bool isWrite, Span<ulong> landed);

    /// <summary>The next event buffer that came back; false where there is none.</summary>
    bool TryTakeReport(Span<byte> into, out uint usedLength);

    /// <summary>Reads the field <c>bypass</c>.</summary>
    byte ReadBypass();

    /// <summary>Writes the field <c>bypass</c>.</summary>
    void WriteBypass(byte value);
}
