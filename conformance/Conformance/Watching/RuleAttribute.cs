namespace Viommu.Conformance.Watching;

/// <summary>
/// Marks a method <c>static void Name_of_the_rule_as_a_sentence(Judge judge, TObservation seen)</c> as a rule that binds drivers. Its id is
/// the clause id plus the method's name as a slug; its level is the clause's in the catalogue.
/// </summary>
/// <remarks>
/// <para>
/// <b>To add a rule</b>, write such a method in the static class of its section, in the folder of its family. It is called for each
/// observation of the type of its second parameter (<see cref="Observation"/> itself for several: switch on it), <i>before</i> the
/// observation enters the history: <see cref="Judge.Driver"/> is the driver as it was. Where the clause says something about what is
/// seen, call <see cref="Judge.That"/> with what it asks for: that counts as exercised, and is a finding where it does not hold. A rule
/// that is never exercised is N/A, never PASS, so return early from what the clause does not speak of. What a rule has to remember it
/// keeps in <see cref="Judge.Keep{T}"/>, which is new for each device.
/// </para>
/// <para>
/// Never be stricter than the text: where it leaves a choice, or is silent, say nothing. What a trace cannot show is not broken.
/// </para>
/// <para>
/// <b>Then add a driver that breaks it</b> in <c>Watching/Selftest</c>: a <see cref="Selftest.BrokenDriver"/> made of the good driver, with a
/// <see cref="Selftest.DriverTamper"/> that changes what it writes on its way to the device, or a script of raw actions on a
/// <c>Machine</c>. <c>conformance selftest</c> fails until the rule is red on it, and while any rule is red on the good driver.
/// </para>
/// </remarks>
/// <param name="clause">The clause that a violation breaks.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RuleAttribute(string clause) : Attribute
{
    /// <summary>The clause that a violation breaks.</summary>
    public string Clause { get; } = clause;

    /// <summary>Further clauses that the same observation judges; of the same level.</summary>
    public string[] Also { get; init; } = [];

    /// <summary>
    /// Permissions (MAY) of devices that are made use of wherever the rule has something to say. A driver has to work with a device that does so: one that cannot
    /// breaks <see cref="Clause"/>. What is named here needs a broken driver that fails of just that.
    /// </summary>
    public string[] Uses { get; init; } = [];

    /// <summary>What is looked at, in a sentence or two, for <c>explain</c>.</summary>
    public required string Does { get; init; }

    /// <summary>How to read what is seen: what is accepted, and what anything else means.</summary>
    public required string Reading { get; init; }

    /// <summary>What a source has to show for the rule to say anything.</summary>
    public required Sight Needs { get; init; }

    /// <summary>
    /// True for a rule that judges each observation by itself, without what came before. Other rules see a recording, which can begin in the
    /// middle, from the first reset of the device on.
    /// </summary>
    public bool FromAnywhere { get; init; }

    /// <summary>The transports on which the clause means something; empty for all.</summary>
    public WatchedTransport[] Transports { get; init; } = [];
}
