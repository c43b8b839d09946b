using Spectre.Console;

namespace Viommu.Conformance.Program;

/// <summary>A line at the bottom that says what goes on now.</summary>
internal static class LiveLine
{
    private const int SpinnerColumns = 4;

    /// <summary>Does something long that tells its progress; nothing is shown where there is no terminal to show it.</summary>
    public static T WithProgress<T>(this IAnsiConsole console, Func<Action<string>, T> action)
    {
        var terminal = console.Profile.Capabilities;
        if (!terminal.Interactive || !terminal.Ansi) return action(_ => { });
        int width = console.Profile.Width - SpinnerColumns;
        return console.Status().Start("starting", context =>
            action(text => context.Status((text.Length <= width ? text : text[..width]).EscapeMarkup())));
    }
}
