namespace Viommu.Conformance.Tests.Guests;

/// <summary>What <c>conformance/guests</c> has made, as the environment names it. CI makes it: there its absence is a fault, not a reason to skip.</summary>
internal static class InstalledGuest
{
    /// <summary>The folder of the guest.</summary>
    public static string Folder() => Named("LINUX_GUEST", "folder of conformance/guests/linux.sh");

    /// <summary>
    /// A QEMU that has vfio-user. It is the one for QEMU's own devices as well: a guest that reads by direct I/O often dies of what QEMU 10.0 makes
    /// of its memory, and now and then in 7.2.
    /// </summary>
    public static string Qemu() => Named("VFIO_USER_QEMU", "program of conformance/guests/qemu.sh");

    private static string Named(string variable, string what)
    {
        string? value = Environment.GetEnvironmentVariable(variable);
        Assert.False(string.IsNullOrEmpty(value) && Environment.GetEnvironmentVariable("CI") == "true", $"{variable} names no {what}");
        Skip.If(string.IsNullOrEmpty(value), $"{variable} names no {what}");
        return value!;
    }
}
