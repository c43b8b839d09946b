using Viommu.Guest.Driver;

namespace Viommu.Conformance.Checks.Iommu;

/// <summary>How much of an access arrived.</summary>
internal enum Arrival
{
    /// <summary>Not a byte.</summary>
    None,

    /// <summary>Some bytes, not all.</summary>
    Part,

    /// <summary>Every byte.</summary>
    All,
}

/// <summary>The effect of an endpoint's accesses, seen in guest memory.</summary>
internal static class DmaObservation
{
    // Even, where every byte of an endpoint's pattern is odd: no pattern byte looks untouched.
    private const byte Untouched = 0x22;

    /// <summary>The endpoint writes at <paramref name="iova"/>: how much of it arrives at <paramref name="physical"/>.</summary>
    public static Arrival WriteArrives(this CheckContext check, DmaEndpoint endpoint, ulong iova, ulong physical, int length = 64)
    {
        var ram = check.Machine.Target.Ram;
        var memory = new byte[length];
        memory.AsSpan().Fill(Untouched);
        ram.Write(physical, memory);
        endpoint.Write(iova, length);
        ram.Read(physical, memory);
        var arrived = 0;
        for (var i = 0; i < length; i++)
        {
            if (memory[i] == endpoint.Pattern[i]) arrived++;
        }
        return arrived == length ? Arrival.All : memory.AsSpan().IndexOfAnyExcept(Untouched) < 0 ? Arrival.None : Arrival.Part;
    }

    /// <summary>
    /// Puts a secret at <paramref name="physical"/> and has the endpoint read at <paramref name="iova"/>; <see cref="Fetched"/> tells what of it the
    /// endpoint got.
    /// </summary>
    public static byte[] ReadSecret(this CheckContext check, DmaEndpoint endpoint, ulong iova, ulong physical, int length = 64)
    {
        var secret = new byte[length];
        check.Random.NextBytes(secret);
        check.Machine.Target.Ram.Write(physical, secret);
        endpoint.Read(iova, length);
        return secret;
    }

    /// <summary>How much of a secret the endpoint got with its last read, seen through a window that it can write.</summary>
    public static Arrival Fetched(this CheckContext check, DmaEndpoint endpoint, byte[] secret, ulong window, ulong backing)
    {
        _ = check;
        var held = endpoint.Spill(window, backing, secret.Length);
        var equal = held.Zip(secret).Count(pair => pair.First == pair.Second);

        // Two unrelated bytes are equal once in 256 times: below a quarter, nothing of the secret has come through.
        return equal == secret.Length ? Arrival.All : equal < secret.Length / 4 ? Arrival.None : Arrival.Part;
    }
}
