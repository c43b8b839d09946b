using System.IO.Pipes;
using System.Text;
using Viommu.Guest.Targets.Served;

namespace Viommu.Guest.Tests.Support;

/// <summary>Somebody at the other end of two pipes in this process, who says whatever a test lets him.</summary>
internal sealed class LocalPeer : IServedPeer
{
    private readonly AnonymousPipeServerStream commands = new(PipeDirection.Out);
    private readonly AnonymousPipeServerStream answers = new(PipeDirection.In);
    private readonly AnonymousPipeClientStream heard;
    private readonly AnonymousPipeClientStream said;

    /// <summary>One who says nothing by himself.</summary>
    public LocalPeer()
    {
        heard = new(PipeDirection.In, commands.ClientSafePipeHandle);
        said = new(PipeDirection.Out, answers.ClientSafePipeHandle);
    }

    /// <summary>One who answers each command, in a thread of his own, and lets go of what he served in the end; what he throws ends him.</summary>
    public static LocalPeer Answering(Func<string, string> answer, IDisposable served)
    {
        var peer = new LocalPeer();
        new Thread(() => peer.Serve(answer, served)) { IsBackground = true, Name = "served device" }.Start();
        return peer;
    }

    public Stream Commands => commands;

    public Stream Answers => answers;

    public string LastWords { get; private set; } = "farewell";

    public string HowItEnded() => "ended with exit code 7";

    /// <summary>True once somebody has made an end of it.</summary>
    public bool IsKilled { get; private set; }

    /// <summary>Writes what a client reads.</summary>
    public void Say(string text) => said.Write(Encoding.Latin1.GetBytes(text));

    /// <summary>The next bytes that a client has written.</summary>
    public string Hear()
    {
        var buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer, 0, heard.Read(buffer));
    }

    /// <summary>Says no more.</summary>
    public void HangUp() => said.Dispose();

    public void Kill()
    {
        IsKilled = true;
        HangUp();
    }

    public void Dispose()
    {
        commands.Dispose();
        answers.Dispose();
    }

    private void Serve(Func<string, string> answer, IDisposable served)
    {
        using var end = served;
        try
        {
            using var reader = new StreamReader(heard);
            while (reader.ReadLine() is { } command) Say($"{answer(command)}\n");
        }
        catch (IOException) when (IsKilled)
        {
            // Nobody listens any more.
        }
        catch (Exception crash)
        {
            LastWords = $"{crash.GetType().Name}: {crash.Message}";
        }
        HangUp();
    }
}
