namespace Viommu.Conformance.Watching.Guests;

/// <summary>How a guest is booted, and what it is to do.</summary>
/// <param name="Qemu">A QEMU that has vfio-user-pci.</param>
/// <param name="Folder">Where <c>vmlinuz</c> and <c>initrd.gz</c> are.</param>
/// <param name="Steps">Steps of <c>conformance/guests/init</c>, in this order, with a comma between them.</param>
/// <param name="CommandLine">What the kernel is told besides.</param>
/// <param name="Limit">How long all of it may take.</param>
internal sealed record GuestOrders(string Qemu, string Folder, string Steps, string CommandLine, TimeSpan Limit);
