using FsCheck;
using FsCheck.Fluent;
using Viommu.Conformance.Scripts;
using Viommu.Guest.Wire;

namespace Viommu.Conformance.Tests.Scripts;

/// <summary>Scripts as text, and text as scripts.</summary>
public sealed class ScriptTextTests
{
    private const string Example = """
        viommu-script 1
        # IOMMU-UNMAP-D-06: an unmap that would split b must remove neither a nor b
        features MAP_UNMAP PROBE bit50
        attach domain=1 endpoint=ep0 flags=0x1 reserved=0xff000000 head=0x123456
        attach domain=first+2 endpoint=0xfffffff0
        map    domain=1 virt=0x1000..0x1fff phys=ram+0x0000 flags=RW
        map domain=1 virt=ram+0x0..ram+0xfff phys=0x7000 flags=WM+0x80000000 readable=4,16 pieces=1 indirect=2
        unmap  domain=1 virt=0x1000..0x2fff             => RANGE used=4
        probe endpoint=ep1 size=12 reserved=0xff
        request 0102ff writable=4  => unwritten used=0 breaks IOMMU-OPS-D-01
        request none writable=4
        dma    ep0 read 0x1000                          => reached ram+0x0
        dma ep1 write ram+0x10 length=1
        bypass 1
        reset
        system-reset
        """;

    [Fact]
    public void The_example_is_understood()
    {
        var lines = ScriptParser.Parse("example", Example).Lines;
        Assert.Equal(new CommentLine("IOMMU-UNMAP-D-06: an unmap that would split b must remove neither a nor b"), lines[0]);
        Assert.Equal(new FeaturesLine(Features.MapUnmap | Features.Probe | 1UL << 50), lines[1]);
        Assert.Equal(new AttachOperation(1, Symbol.Endpoint(0), 1, 0xff00_0000) { HeadReserved = 0x12_3456 }, lines[2]);
        Assert.Equal(new AttachOperation(Symbol.Domain(2), 0xffff_fff0), lines[3]);
        Assert.Equal(new MapOperation(1, 0x1000, 0x1fff, Symbol.Ram(0), 3), lines[4]);
        Assert.Equal(
            new MapOperation(1, Symbol.Ram(0), Symbol.Ram(0xfff), 0x7000, 0x8000_0006) { Framing = new ScriptFraming("4,16", "1", 2) }, lines[5]);
        Assert.Equal(new UnmapOperation(1, 0x1000, 0x2fff) { Seen = new Seen("RANGE used=4") }, lines[6]);
        Assert.Equal(new ProbeOperation(Symbol.Endpoint(1), 12, 0xff), lines[7]);
        Assert.Equal(new BytesOperation("0102ff", 4) { Seen = new Seen("unwritten used=0", "IOMMU-OPS-D-01") }, lines[8]);
        Assert.Equal(new DmaOperation(Symbol.Endpoint(0), IsWrite: false, 0x1000) { Seen = new Seen("reached ram+0x0") }, lines[10]);
        Assert.Equal(new DmaOperation(Symbol.Endpoint(1), IsWrite: true, Symbol.Ram(0x10), 1), lines[11]);
        Assert.Equal([new BypassOperation(1), new ResetOperation(), new SystemResetOperation()], lines.Skip(12));
    }

    [Fact]
    public void Printed_and_parsed_a_script_is_what_it_was() => Prop.ForAll(
        Arb.From(AnyScript()), script => ScriptParser.Parse("printed", ScriptPrinter.Print(script)).Equals(script))
        .Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    [Theory]
    [InlineData("map domain=1 virt=0x1000..0x1fff phys=0 flags=X", "script:2:47: 'X' are no flags")]
    [InlineData("attach domain=1 endpoint=ep0 colour=2", "script:2:30: colour means nothing here")]
    [InlineData("attach domain=1", "script:2:16: endpoint= is missing")]
    [InlineData("attach domain=1 domain=2 endpoint=ep0", "script:2:17: domain is there twice")]
    [InlineData("attach domain=0x100000000 endpoint=ep0", "script:2:15: 0x100000000 is more than 4294967295")]
    [InlineData("unmap domain=1 virt=0x1000", "script:2:21: '0x1000' is not of the form FIRST..LAST")]
    [InlineData("frobnicate", "script:2:1: 'frobnicate' is no operation")]
    [InlineData("  features WINGS", "script:2:12: 'WINGS' is no feature")]
    [InlineData("features PROBE PROBE", "script:2:16: PROBE is there twice")]
    [InlineData("request 123 writable=4", "script:2:9: there is half a byte at the end")]
    [InlineData("request 12zz writable=4", "script:2:11: this is not hexadecimal")]
    [InlineData("request none writable=0", "script:2:9: a request has at least one byte, to read or to write")]
    [InlineData("request 01 writable=65537", "script:2:21: 65537 is more than 65536")]
    [InlineData("dma 0x20 read 0x1000", "script:2:5: accesses are made by ep0, ep1 and so on")]
    [InlineData("dma ep0 peek 0x1000", "script:2:9: 'peek' is neither read nor write")]
    [InlineData("dma ep0 read 0x1000 length=0", "script:2:14: an access has at least one byte")]
    [InlineData("dma ep0 read", "script:2:13: an address is missing")]
    [InlineData("reset now", "script:2:7: 'now' is not understood")]
    [InlineData("bypass 256", "script:2:8: 256 is more than 255")]
    [InlineData("features none => seen", "script:2:1: nothing can be seen of this")]
    [InlineData("reset =>", "script:2:7: nothing stands behind '=>'")]
    [InlineData("=> OK", "script:2:1: there is no operation before '=>'")]
    public void What_is_not_understood_has_its_place(string line, string message)
    {
        var error = Assert.Throws<ScriptFormatException>(() => ScriptParser.Parse("script", $"viommu-script 1\n{line}\n"));
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_script_begins_with_its_header() =>
        Assert.StartsWith("script:1:1: ", Assert.Throws<ScriptFormatException>(() => ScriptParser.Parse("script", "attach domain=1 endpoint=ep0")).Message, StringComparison.Ordinal);

    [Fact]
    public void Sizes_are_bounded()
    {
        Assert.Throws<ScriptFormatException>(() => ScriptParser.Parse("script", $"viommu-script 1\n# {new string('x', ScriptParser.LongestLine)}"));
        Assert.Throws<ScriptFormatException>(() => ScriptParser.Parse("script", "viommu-script 1\n" + new string('\n', ScriptParser.MostLines + 1)));
        Assert.Throws<ScriptFormatException>(() => ScriptParser.Parse("script", new string('x', ScriptParser.LongestText + 1)));
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_an_error_with_its_name() =>
        Assert.StartsWith("/no/such.viommu:1:1: cannot be read", Assert.Throws<ScriptFormatException>(() => ScriptParser.Load("/no/such.viommu")).Message, StringComparison.Ordinal);

    [Fact]
    public void Whatever_the_text_is_the_parser_returns_or_says_where_it_is_wrong() => Prop.ForAll<string>(text =>
    {
        foreach (var candidate in new[] { text ?? "", $"viommu-script 1\n{text}", Mangled(text ?? "") })
        {
            try
            {
                ScriptParser.Parse("any", candidate);
            }
            catch (ScriptFormatException error)
            {
                Assert.Matches(@"^any:\d+:\d+: ", error.Message);
            }
        }
        return true;

        // The example with a character of it replaced.
        static string Mangled(string text) => text.Length == 0 ? Example : Example.Remove(text.Length * 31 % Example.Length, 1).Insert(text.Length * 17 % (Example.Length - 1), text[..1]);
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

    private static Gen<Script> AnyScript()
    {
        var number = Gen.OneOf(Gen.Choose(0, 20).Select(n => (ulong)n), ArbMap.Default.GeneratorFor<ulong>());
        var small = number.Select(n => (uint)n);
        var domain = Gen.OneOf(small.Select(n => (Symbol)n), Gen.Choose(0, 9).Select(n => Symbol.Domain((uint)n)));
        var endpoint = Gen.OneOf(small.Select(n => (Symbol)n), Gen.Choose(0, 9).Select(Symbol.Endpoint));
        var address = Gen.OneOf(number.Select(n => (Symbol)n), number.Select(Symbol.Ram));
        var pieces = Gen.Elements("", "1", "4,16", "1,2,3");
        var framing = from readable in pieces from writable in pieces from indirect in Gen.Choose(0, 4) select new ScriptFraming(readable, writable, indirect);
        Gen<RequestOperation> request = Gen.OneOf(
            from d in domain from e in endpoint from f in small from r in small select (RequestOperation)new AttachOperation(d, e, f, r),
            from d in domain from e in endpoint from r in number select (RequestOperation)new DetachOperation(d, e, r),
            from d in domain from a in address from b in address from p in address from f in small select (RequestOperation)new MapOperation(d, a, b, p, f),
            from d in domain from a in address from b in address from r in small select (RequestOperation)new UnmapOperation(d, a, b, r),
            from e in endpoint from s in Gen.Choose(-1, 600) from r in small select (RequestOperation)new ProbeOperation(e, s < 0 ? null : s, (byte)r),
            from bytes in Gen.Sized(size => Gen.ArrayOf(small.Select(n => (byte)n), size)) from w in Gen.Choose(1, 600) select (RequestOperation)new BytesOperation(Convert.ToHexStringLower(bytes), w));
        Gen<ScriptOperation> operation = Gen.OneOf(
            from r in request from h in small from f in framing select (ScriptOperation)(r with { HeadReserved = h & 0xff_ffff, Framing = f }),
            from e in Gen.Choose(0, 9) from w in ArbMap.Default.GeneratorFor<bool>() from a in address from l in Gen.Choose(1, 1024) select (ScriptOperation)new DmaOperation(Symbol.Endpoint(e), w, a, l),
            from v in small select (ScriptOperation)new BypassOperation((byte)v),
            Gen.Constant((ScriptOperation)new ResetOperation()),
            Gen.Constant((ScriptOperation)new SystemResetOperation()));
        var seen = Gen.Elements(null, new Seen("OK used=4"), new Seen("reached ram+0x0", "DESC-IOMMU-13"));
        Gen<ScriptLine> line = Gen.Frequency(
            (8, from o in operation from s in seen select (ScriptLine)(o with { Seen = s })),
            (1, Gen.Elements("", "why", "a => b # c").Select(text => (ScriptLine)new CommentLine(text))),
            (1, number.Select(features => (ScriptLine)new FeaturesLine(features))));
        return Gen.ListOf(line).Select(lines => new Script([.. lines]));
    }
}
