# Everything, one line after the other; each line works alone.
dotnet build -c Release Conformance.sln
dotnet format Conformance.sln --verify-no-changes
dotnet test -c Release Conformance.sln
dotnet run -c Release --project conformance/Conformance
dotnet run -c Release --project conformance/Conformance -- run --matrix
dotnet run -c Release --project conformance/Conformance -- selftest
dotnet run -c Release --project conformance/Conformance -- watch
dotnet run -c Release --project conformance/Conformance -- run --target qemu
dotnet run -c Release --project fuzz/Fuzz -- regress
dotnet run -c Release --project fuzz/Fuzz -- run sequence --runs 20000 --seed 1
