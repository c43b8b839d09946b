using Viommu.Device.Memory;

namespace Viommu.Device.Tests.Memory;

public class FlatGuestMemoryTests
{
    [Theory]
    [InlineData(0x1000ul, 16, true)]
    [InlineData(0x100ful, 1, true)]
    [InlineData(0x100ful, 2, false)]
    [InlineData(0xffful, 1, false)]
    [InlineData(0x1010ul, 1, false)]
    [InlineData(ulong.MaxValue, 2, false)]
    public void An_access_is_all_or_nothing(ulong address, int length, bool exists)
    {
        var memory = new FlatGuestMemory(0x1000, 16);
        var bytes = Enumerable.Repeat((byte)7, length).ToArray();
        Assert.Equal(exists, memory.TryWrite(new(address), bytes));
        Assert.Equal(exists ? length : 0, memory.Read(new(0x1000), 16).Count(value => value == 7));
        Assert.Equal(exists, memory.TryRead(new(address), bytes));
    }

    [Fact]
    public void Memory_can_end_where_the_address_space_does_and_no_later()
    {
        var memory = new FlatGuestMemory(ulong.MaxValue, 1);
        memory.Write(new(ulong.MaxValue), 5);
        Assert.Equal([5], memory.Read(new(ulong.MaxValue), 1));
        Assert.False(memory.TryRead(new(ulong.MaxValue), new byte[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FlatGuestMemory(ulong.MaxValue, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Read(new(0), 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Write(new(0), 1));
    }
}
