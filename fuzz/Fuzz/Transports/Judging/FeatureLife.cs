using Viommu.Guest.Wire;

namespace Viommu.Fuzz.Transports.Judging;

/// <summary>Feature bits (section 2.2): what the device offers, what the driver accepts of it, and what is in force.</summary>
/// <param name="isPci">Whether the transport is PCI.</param>
/// <param name="isLegacy">Whether it is the legacy interface of it.</param>
/// <param name="selects">The rule by which a word of the offered features is the one that was selected.</param>
internal sealed class FeatureLife(bool isPci, bool isLegacy, string selects)
{
    private readonly uint?[] _offered = new uint?[2];

    // What the driver had accepted when FEATURES_OK was seen last.
    private ulong? _agreed;

    /// <summary>Features that a driver of this interface may accept.</summary>
    public ulong Known { get; } = isLegacy ? Features.OfferableBy(isPci) : Features.AcceptableFrom(isPci);

    /// <summary>The first 64 features that the device offers, as far as they were read.</summary>
    public ulong Offered => ((ulong)(_offered[1] ?? 0) << 32) | (_offered[0] ?? 0);

    /// <summary>What the driver has accepted so far.</summary>
    public ulong Accepted { get; private set; }

    /// <summary>Features in force.</summary>
    public ulong Negotiated { get; private set; }

    /// <summary>The device has agreed to the same before.</summary>
    public bool IsAgreedBefore => _agreed == Accepted;

    /// <summary>True where the device has no reason to refuse what the driver has accepted.</summary>
    public bool IsAcceptable
    {
        get
        {
            bool isOfferKnown = _offered[0] is not null && _offered[1] is not null;
            bool isOffered = (Accepted & ~Offered) == 0;
            bool isRefusable = ((Offered | Features.Version1) & Features.Indispensable & ~Accepted) != 0 || (Accepted & ~Known) != 0;
            return isOfferKnown && isOffered && !isRefusable;
        }
    }

    public bool Has(ulong feature) => (Negotiated & feature) != 0;

    /// <summary>A device reset. What is offered stays.</summary>
    public void Begin() => Accepted = Negotiated = 0;

    /// <summary>The driver reads a word of the offered features.</summary>
    public void SawOffered(uint word, uint value)
    {
        if (word >= 2)
        {
            if (value != 0) Broken.Rule(value == _offered[word % 2] ? selects : "CORE-FEAT-D-04", "word above 1", $"word {word} of the offered features is 0x{value:x}");
            return;
        }

        if (_offered[word] is { } known && known != value) Broken.Rule(selects, $"word {word}", $"word {word} of the offered features is 0x{value:x} and was 0x{known:x}");
        _offered[word] = value;
        uint odd = value & ~WordOf(Features.OfferableBy(isPci), word);
        if (odd != 0) Broken.Rule("CORE-FEAT-D-04", $"0x{odd:x}", $"the device offers 0x{odd:x} in word {word}, which is nothing that it could have");
        if (isLegacy && (WordOf(Features.AnyLayout, word) & ~value) != 0) Broken.Rule("LEGACY-RSVD-D-03", "", "the device does not offer ANY_LAYOUT");
        if (!isLegacy && (WordOf(Features.Version1, word) & ~value) != 0) Broken.Rule("CORE-RSVD-D-01", "", "the device does not offer VERSION_1");
        // None of the functions that are driven here has one.
        if ((WordOf(Features.SrIov, word) & value) != 0) Broken.Rule("CORE-RSVD-D-10", "", "the device offers SR_IOV without the capability");
    }

    /// <summary>The driver accepts a word of features; there are two.</summary>
    public void Accept(uint word, uint value)
    {
        int shift = (int)(32 * word);
        Accepted = (Accepted & ~(0xffff_ffffUL << shift)) | ((ulong)value << shift);
    }

    /// <summary>The device sets FEATURES_OK; false where nobody knows then what is in force.</summary>
    public bool TryAgree()
    {
        // CORE-FEAT-D-03: it may have ignored what it does not offer.
        if ((Accepted & ~Offered) != 0 || (Accepted & Features.Version1) == 0) return false;
        PutInForce(Accepted);
        _agreed = Accepted;
        return true;
    }

    /// <summary>Features are in force.</summary>
    public void PutInForce(ulong features) => Negotiated = features;

    private static uint WordOf(ulong features, uint word) => (uint)(features >> (int)(32 * word));
}
