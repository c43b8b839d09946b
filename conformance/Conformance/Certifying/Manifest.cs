using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using Viommu.Conformance.Catalogue;
using Viommu.Conformance.Running;

namespace Viommu.Conformance.Certifying;

/// <summary><c>manifest.json</c> of a bundle: what was run, by what, and the SHA-256 of every other file of it.</summary>
/// <param name="Schema">Goes up when a reader of the last one would break.</param>
/// <param name="Tool">Version of the program.</param>
/// <param name="ToolSha256">Of the program's assembly, with the clauses and the checks in it.</param>
/// <param name="Spec">The version of virtio that was judged by.</param>
/// <param name="Target">What was under test.</param>
/// <param name="Seed">Where every random choice came from.</param>
/// <param name="Strict">True where a broken SHOULD failed the run.</param>
/// <param name="Exit">The exit code of the run.</param>
/// <param name="Made">When the bundle was made.</param>
/// <param name="Files">The other files.</param>
internal sealed record Manifest(
    int Schema, string Tool, string ToolSha256, string Spec, string Target, ulong Seed, bool Strict, int Exit, DateTimeOffset Made, IReadOnlyList<BundledFile> Files)
{
    public const int CurrentSchema = 1;

    public const string FileName = "manifest.json";

    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        MaxDepth = 8,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // no HTML around it
    };

    /// <summary>The manifest of a run whose files are these.</summary>
    public static Manifest Of(RunSnapshot run, DateTimeOffset made, IEnumerable<(string Name, byte[] Bytes)> files) => new(
        CurrentSchema, Reports.Tool.Version, ToolHash, run.Spec.Name(), run.Target.ToString(), run.Seed, run.Strict, run.ExitCode, made,
        [.. files.Select(f => new BundledFile(f.Name, f.Bytes.Length, Hash(f.Bytes)))]);

    /// <summary>Of this program's assembly.</summary>
    public static string ToolHash { get; } = Hash(File.ReadAllBytes(typeof(Manifest).Assembly.Location));

    public static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Format);

    /// <summary>Reads a manifest; throws <see cref="JsonException"/> where it is none.</summary>
    public static Manifest Parse(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize<Manifest>(json, Format) ?? throw new JsonException("null is no manifest");
}

/// <summary>A file of a bundle.</summary>
internal sealed record BundledFile(string Name, long Bytes, string Sha256);
