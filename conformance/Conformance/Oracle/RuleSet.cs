namespace Viommu.Conformance.Oracle;

/// <summary>What a request can do to the state, as a set: where it has several members, nothing but a look at the device tells which.</summary>
[Flags]
internal enum Effects : byte
{
    /// <summary>Not told.</summary>
    None = 0,

    /// <summary>Nothing.</summary>
    Unchanged = 1 << 0,

    /// <summary>What the request asks for.</summary>
    Performed = 1 << 1,

    /// <summary>The endpoint has left the domain that it was attached to.</summary>
    Departed = 1 << 2,

    /// <summary>The endpoint has left its domain and is attached to it anew.</summary>
    Renewed = 1 << 3,

    /// <summary>What the request asks for, but for its F_BYPASS flag.</summary>
    PerformedWithoutBypass = 1 << 4,

    /// <summary>What the request asks for, in place of the mappings in its way.</summary>
    Replaced = 1 << 5,

    /// <summary>The text does not even tell what it could be.</summary>
    Unknowable = 1 << 6,
}

/// <summary>
/// What the text says of one request in one state. Several rules can meet; the text puts none before another, so an answer is fine
/// if one of them asks for it, and OK is fine if none asks for something else.
/// </summary>
internal sealed class RuleSet
{
    private readonly Rule[] rules = new Rule[16];
    private int count;

    private enum RuleKind : byte
    {
        Demands,
        Permits,
        Discourages,
    }

    /// <summary>The clause that a refusal breaks which no rule asks for.</summary>
    public OracleClause Expectation { get; set; }

    /// <summary>What OK means for the state.</summary>
    public Effects OnSuccess { get; set; }

    /// <summary>What any other answer means for it, unless a rule says more.</summary>
    public Effects OnRejection { get; set; }

    /// <summary>What a request can have done that is answered OK, as it must not be.</summary>
    public Effects OnDeviation { get; set; }

    /// <summary>Starts anew: success performs the request, a rejection changes nothing.</summary>
    public void Begin()
    {
        count = 0;
        Expectation = OracleClause.OpsD01;
        OnSuccess = Effects.Performed;
        OnRejection = Effects.Unchanged;
        OnDeviation = Effects.Unchanged | Effects.Performed;
    }

    /// <summary>The clause asks for one of these answers.</summary>
    public void Demand(OracleClause clause, Answers answers) => rules[count++] = new Rule(RuleKind.Demands, clause, answers, Effects.None);

    /// <summary>The clause allows these answers as well, which may mean something for the state.</summary>
    public void Permit(OracleClause clause, Answers answers, Effects effects = Effects.None) =>
        rules[count++] = new Rule(RuleKind.Permits, clause, answers, effects);

    /// <summary>The clause asks for something better than these answers, which another clause prefers to any other refusal.</summary>
    public void Discourage(OracleClause clause, Answers answers) => rules[count++] = new Rule(RuleKind.Discourages, clause, answers, Effects.None);

    /// <summary>Whether the answer (a single one) is allowed; then what it means for the state, and the clause that allows it.</summary>
    public bool Allows(Answers answer, out Effects effects, out OracleClause by)
    {
        effects = answer == Answers.Ok ? OnSuccess : OnRejection;
        by = OracleClause.Silence;
        if (answer == Answers.Ok)
        {
            for (var i = 0; i < count; i++)
            {
                if (rules[i].Kind == RuleKind.Demands && (rules[i].Answers & Answers.Ok) == 0) return false;
            }
            by = OracleClause.OpsD01;
            return true;
        }
        var allowed = false;
        for (var i = 0; i < count; i++)
        {
            ref readonly var rule = ref rules[i];
            if (rule.Kind == RuleKind.Discourages || (rule.Answers & answer) == 0) continue;
            if (!allowed || by == OracleClause.Silence) by = rule.Clause;
            effects |= rule.Effects;
            allowed = true;
        }
        return allowed;
    }

    /// <summary>The clause that an answer breaks which is not allowed: of several the strongest, of equals the first.</summary>
    public OracleClause BrokenBy(Answers answer)
    {
        OracleClause? broken = null;
        for (var i = 0; i < count; i++)
        {
            ref readonly var rule = ref rules[i];
            if (rule.Kind != RuleKind.Demands || (rule.Answers & answer) != 0) continue;
            if (broken is null || rule.Clause.Level() < broken.Value.Level()) broken = rule.Clause;
        }
        return broken ?? Discourages(answer) ?? Expectation;
    }

    /// <summary>What a request can have done that is answered as it must not be.</summary>
    public Effects AfterDeviation(Answers answer) =>
        answer == Answers.Ok ? OnDeviation
        : DemandsRejection || Discourages(answer) is not null ? OnRejection
        : OnRejection | OnSuccess;

    /// <summary>What would have been right, for people.</summary>
    public Answers Allowed
    {
        get
        {
            var allowed = Answers.None;
            for (var bit = 0; bit <= 11; bit++)
            {
                if (Allows((Answers)(1 << bit), out _, out _)) allowed |= (Answers)(1 << bit);
            }
            return allowed;
        }
    }

    /// <summary>True where some rule asks for something other than OK.</summary>
    private bool DemandsRejection
    {
        get
        {
            for (var i = 0; i < count; i++)
            {
                if (rules[i].Kind == RuleKind.Demands && (rules[i].Answers & Answers.Ok) == 0) return true;
            }
            return false;
        }
    }

    private OracleClause? Discourages(Answers answer)
    {
        for (var i = 0; i < count; i++)
        {
            if (rules[i].Kind == RuleKind.Discourages && (rules[i].Answers & answer) != 0) return rules[i].Clause;
        }
        return null;
    }

    private readonly record struct Rule(RuleKind Kind, OracleClause Clause, Answers Answers, Effects Effects);
}
