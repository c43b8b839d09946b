using Microsoft.Win32.SafeHandles;

namespace Viommu.Guest.Hosting.VfioUser;

/// <summary>What a message of vfio-user asks for. Those left out here no virtual machine monitor sends to a device that takes no part in migration.</summary>
internal enum VfioUserCommand : ushort
{
    Version = 1,
    DmaMap = 2,
    DmaUnmap = 3,
    GetDeviceInfo = 4,
    GetRegionInfo = 5,
    GetInterruptInfo = 7,
    SetInterrupts = 8,
    RegionRead = 9,
    RegionWrite = 10,
    DeviceReset = 13,
}

/// <summary>A command as it came.</summary>
/// <param name="id">Chosen by the sender; the reply repeats it.</param>
/// <param name="command">What is asked for.</param>
/// <param name="wantsReply">False where the sender does not wait for one: then none may be sent.</param>
/// <param name="payload">What follows the header.</param>
/// <param name="files">The file descriptors that came along; closed with the message but for those that were taken.</param>
internal sealed class VfioUserMessage(ushort id, VfioUserCommand command, bool wantsReply, byte[] payload, IReadOnlyList<SafeFileHandle> files) : IDisposable
{
    private readonly SafeFileHandle?[] _files = [.. files];

    public ushort Id => id;

    public VfioUserCommand Command => command;

    public bool WantsReply => wantsReply;

    public byte[] Payload => payload;

    /// <summary>The file descriptor of that number; null where fewer came, or it was taken.</summary>
    public SafeFileHandle? File(int number) => number < _files.Length ? _files[number] : null;

    /// <summary>As <see cref="File"/>, and it is the caller's to close.</summary>
    public SafeFileHandle? TakeFile(int number)
    {
        var file = File(number);
        if (file is not null) _files[number] = null;
        return file;
    }

    /// <summary>Closes the file descriptors that nobody took.</summary>
    public void Dispose()
    {
        foreach (var file in _files) file?.Dispose();
    }
}

/// <summary>The other end does not keep to the protocol; the message says how.</summary>
internal sealed class VfioUserException(string message) : Exception(message);
