using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Viommu.Fuzz.Tests.Devices;

/// <summary>
/// A QEMU whose answers pass through here and may be others than it gave: to who starts it by <see cref="Name"/>, a QEMU with another device.
/// </summary>
internal sealed class TamperedQemu : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("tampered-");
    private readonly Socket _listener = NewSocket();
    private readonly Func<IQtestTamper> _newTamper;
    private readonly ConcurrentBag<Socket> _sockets = [];

    /// <param name="newTamper">Called for each process that is started.</param>
    /// <param name="options">More options of the virtio-iommu.</param>
    public TamperedQemu(Func<IQtestTamper> newTamper, string options = "")
    {
        _newTamper = newTamper;
        // QEMU connects to us, and we do where it was told to.
        File.WriteAllText(Program, $$"""
            #!/bin/bash
            arguments=()
            for argument; do
              if [[ "$argument" == unix:* ]]; then echo -n "$argument" > '{{Near}}'; argument='unix:{{Far}}'; fi
              if [[ "$argument" == virtio-iommu-pci* && "$argument" != *,help ]]; then argument="$argument{{options}}"; fi
              arguments+=("$argument")
            done
            exec qemu-system-x86_64 "${arguments[@]}"
            """);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(Program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _listener.Bind(new UnixDomainSocketEndPoint(Far));
        _listener.Listen();
        Start(AcceptAll);
    }

    /// <summary>What it is called on the command line.</summary>
    public string Name => $"qemu:{Program}";

    private string Program => Path.Combine(_folder.FullName, "qemu");

    private string Near => Path.Combine(_folder.FullName, "near");

    private string Far => Path.Combine(_folder.FullName, "far");

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var socket in _sockets) socket.Dispose();
        _folder.Delete(recursive: true);
    }

    private void AcceptAll()
    {
        while (true)
        {
            var far = _listener.Accept();
            var near = NewSocket();
            _sockets.Add(far);
            _sockets.Add(near);
            near.Connect(new UnixDomainSocketEndPoint(File.ReadAllText(Near)["unix:".Length..]));
            var tamper = _newTamper();
            var asked = new ConcurrentQueue<string>();
            Start(() => Pump(near, far, command =>
            {
                asked.Enqueue(command);
                return command;
            }));
            Start(() => Pump(far, near, answer =>
            {
                if (answer.StartsWith("IRQ", StringComparison.Ordinal)) return answer;
                Assert.True(asked.TryDequeue(out string? command));
                return tamper.Answer(command, answer);
            }));
        }
    }

    private static void Pump(Socket from, Socket to, Func<string, string> change)
    {
        using var reader = new StreamReader(new NetworkStream(from), Encoding.ASCII);
        while (reader.ReadLine() is { } line) to.Send(Encoding.ASCII.GetBytes(change(line) + "\n"));
        to.Shutdown(SocketShutdown.Send);
    }

    // Whoever is cut off in the middle has ended: that is what the tests do with it.
    private static void Start(Action work) => new Thread(() =>
    {
        try
        {
            work();
        }
        catch (Exception ended) when (ended is SocketException or IOException or ObjectDisposedException)
        {
        }
    })
    { IsBackground = true }.Start();

    private static Socket NewSocket() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
}

/// <summary>Changes what one QEMU answers.</summary>
internal interface IQtestTamper
{
    /// <summary>What the harness gets in place of <paramref name="answer"/>.</summary>
    string Answer(string command, string answer);
}

/// <summary>Changes what the device status reads as, by what was written before.</summary>
internal abstract class StatusTamper : IQtestTamper
{
    // Offsets in the common configuration, which is at the start of a BAR.
    private const ulong DriverFeatureSelect = 0x08;
    private const ulong DriverFeature = 0x0c;
    private const ulong DeviceStatus = 0x14;
    private const ulong Offset = 0xfff;

    private int _select;

    /// <summary>The features that the driver has accepted last.</summary>
    protected ulong Accepted { get; private set; }

    /// <summary>Device resets so far.</summary>
    protected int Resets { get; private set; }

    public string Answer(string command, string answer)
    {
        string[] words = command.Split(' ');
        ulong at = words.Length > 1 && words[1].StartsWith("0x", StringComparison.Ordinal) ? Number(words[1]) & Offset : Offset;
        if (words[0] == "writel" && at == DriverFeatureSelect) _select = (int)Number(words[2]);
        if (words[0] == "writel" && at == DriverFeature) Accepted = (Accepted & ~((ulong)uint.MaxValue << (32 * _select))) | (Number(words[2]) << (32 * _select));
        if (words[0] == "writeb" && at == DeviceStatus && Number(words[2]) == 0) Resets++;
        return words[0] == "readb" && at == DeviceStatus ? $"OK 0x{Status((byte)Number(answer.Split(' ')[1])):x16}" : answer;
    }

    /// <summary>What the status reads as in place of <paramref name="status"/>.</summary>
    protected abstract byte Status(byte status);

    private static ulong Number(string text) => ulong.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
