namespace Viommu.Fuzz.Engine.Campaigns;

/// <summary>An input that a campaign was running when its process ended.</summary>
/// <param name="Input">The input.</param>
/// <param name="Note">The file that says so, until the next campaign in the folder begins.</param>
public sealed record LeftOverInput(byte[] Input, string Note)
{
    /// <summary>Whoever has made sure of the input has no need of the note any more.</summary>
    public void Forget() => File.Delete(Note);
}
