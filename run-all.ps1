# Everything, one line after the other; each line works alone.
dotnet build -c Release Conformance.sln
dotnet format Conformance.sln --verify-no-changes
dotnet test -c Release Conformance.sln
dotnet run -c Release --project conformance/Conformance
dotnet run -c Release --project conformance/Conformance -- run --target qemu
