using System.Runtime.CompilerServices;

namespace Viommu.Fuzz.Tests.Samples;

/// <summary>Code to instrument: every shape of branch that the compiler makes.</summary>
public static class Sample
{
    public static int Branches(int value)
    {
        int result = 0;
        if (value > 10) result += 1;
        if (value % 2 == 0 && value < 100) result += 2;
        for (int i = 0; i < value; i++) result += value > 5 ? 3 : 4;
        return result;
    }

    public static string Switches(int value) => value switch
    {
        0 => "zero",
        1 => "one",
        2 => "two",
        3 or 4 => "few",
        _ => "many",
    };

    public static int Handlers(int value)
    {
        try
        {
            if (value == 0) throw new InvalidOperationException("zero");
            return value;
        }
        catch (InvalidOperationException) when (value == 0)
        {
            return -1;
        }
        finally
        {
            _finallys++;
        }
    }

    public static void Forever()
    {
        while (_finallys >= 0) _finallys &= 0xff;
    }

    public static int Deep(int value) => value < 0 ? 0 : 1 + Deep(value + 1 < 0 ? -1 : value);

    public static bool Magic(uint value) => value == 0xdead_beef;

    public static bool Long(ulong value) => value == 0x0123_4567_89ab_cdef;

    public static IEnumerable<int> Iterator(int count)
    {
        for (int i = 0; i < count; i++)
        {
            if (i % 3 != 0) yield return i;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Fail() => throw new InvalidOperationException("a bug");

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Call(Action other)
    {
        ArgumentNullException.ThrowIfNull(other);
        other();
        _finallys++;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static byte At(byte[] bytes, int index) => bytes[index];

    private static int _finallys;
}
