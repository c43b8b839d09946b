using HandlebarsDotNet;

namespace Viommu.Conformance.Reports;

/// <summary>Pages for people: one file each, nothing fetched, every value escaped.</summary>
internal static class PageTemplate
{
    /// <summary>The embedded template of that name, with the parts that pages share.</summary>
    public static HandlebarsTemplate<object, object> Compile(string name)
    {
        var handlebars = Handlebars.Create(new HandlebarsConfiguration { TextEncoder = new HtmlEncoder() });
        foreach (var part in (string[])["style", "tables", "grid", "check"]) handlebars.RegisterTemplate(part, Read(part));
        return handlebars.Compile(Read(name));
    }

    private static string Read(string name)
    {
        using var stream = typeof(PageTemplate).Assembly.GetManifestResourceStream($"Viommu.Conformance.Reports.{name}.hbs")
            ?? throw new InvalidDataException($"the template {name} is not embedded");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
