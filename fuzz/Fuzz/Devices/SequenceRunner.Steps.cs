using Viommu.Conformance.Oracle;
using Viommu.Fuzz.Targets;

namespace Viommu.Fuzz.Devices;

/// <content>Steps that are no requests: accesses of endpoints, the <c>bypass</c> field, resets.</content>
internal sealed partial class SequenceRunner
{
    private void Access(int index, StepKind kind, uint endpoint, ulong at, int length)
    {
        if (Bench.WhyNoAccesses is { } why)
        {
            Lack($"accesses: {why}");
            return;
        }

        var landed = _landed.AsSpan(0, length);
        bool isWrite = kind == StepKind.DmaWrite;
        var story = Course.Observations.Story;
        if (story is not null) Telling.Expect(story, _oracle!, endpoint, at, isWrite, length);
        bool isSeen = Bench.TryAccess(_oracle!, endpoint, at, isWrite, landed);
        if (Course.Knowledge is not null)
        {
            if (isSeen) Course.Knowledge.Accesses++;
            else Course.Knowledge.LeftOut++;
        }

        if (!isSeen)
        {
            story?.Saw("left out");
            return;
        }

        if (story is not null) Telling.Saw(story, landed);
        foreach (ulong place in landed) Saw(place);
        bool isSure = !_oracle!.IsUncertain;
        Judge(index, _oracle.JudgeAccess(endpoint, at, isWrite, landed), Course.Operation, isSure);
        int answer = SequenceStates.AnswerOf(landed);
        if (_states.TryFindDomain(endpoint, out uint domain)) _states.Range(kind, domain, at, unchecked(at + (ulong)length - 1), answer, Course.Observations);
        _states.Step(kind, answer, 0, Course.Observations);

        Span<byte> report = stackalloc byte[ReportSize];
        while (Bench.Rings.TryTakeReport(report, out uint used))
        {
            story?.BeginBeside("a fault report");
            story?.Saw($"{Convert.ToHexStringLower(report)} used={used}");
            Saw(used);
            foreach (byte value in report) Saw(value);
            Judge(index, _oracle.JudgeReport(report, used), "report");
        }
    }

    private void WriteBypass(int index, byte value)
    {
        if (!Bench.HasBypassField)
        {
            Lack("writes of bypass: the device has no such field");
            return;
        }

        bool goesOn = Bench.WriteBypass(value);
        Course.Observations.Story?.Saw($"reads {Bench.ReadBypass()}");
        Judge(index, _oracle!.JudgeBypass(Bench.ReadBypass()), Course.Operation);
        // A device may take a value that is no driver's to write for a broken driver.
        if (!goesOn) Course.IsOver = true;
        _states.Step(StepKind.WriteBypass, 0, 0, Course.Observations);
    }

    private void Reset(int index, StepKind kind, ulong features)
    {
        if (kind == StepKind.SystemReset && !Bench.CanSystemReset)
        {
            Lack("resets of the machine: the device has none");
            return;
        }

        byte before = Bench.HasBypassField ? Bench.ReadBypass() : (byte)0;
        byte? afterDevice = null;
        if (kind == StepKind.SystemReset) Bench.SystemReset();
        else if (Bench.LeavesDomains) afterDevice = TakeLeftovers(index);
        if (Course.IsOver) return;
        Bench.Start(features);
        byte now = Bench.HasBypassField ? Bench.ReadBypass() : (byte)0;
        _oracle!.Start(Bench.Facts, (now & 1) != 0);
        if (Bench.HasBypassField)
        {
            bool expected = kind == StepKind.DeviceReset ? (before & 1) != 0 : Bench.Facts.InitialBypass;
            Course.Observations.Story?.Expect($"bypass reads {(expected ? 1 : 0)}");
            Course.Observations.Story?.Saw($"bypass reads {afterDevice ?? now}");
            Judge(index, _oracle.JudgeBypass(afterDevice ?? now, expected, kind == StepKind.DeviceReset ? OracleClause.CfgD04 : OracleClause.CfgD05), Course.Operation);
            _oracle.JudgeBypass(now);
        }

        _states.Reset();
        _states.Step(kind, 0, 0, Course.Observations);
    }

    // What a device reset leaves is charged to it, and taken away, since it would be charged to what comes next. What bypass reads after it.
    private byte TakeLeftovers(int index)
    {
        uint[] existed = [.. _oracle!.CertainDomains.ToArray().Select(domain => domain.Id)];
        Course.Observations.Story?.Expect("no domain is left");
        var left = Bench.ResetDeviceAndMachine(existed);
        if (left.Domain is { } domain)
        {
            Course.Observations.Story?.Saw($"domain {domain} still exists");
            Judge(index, new(JudgementKind.Leftover, OracleClause.DescIommu01), Course.Operation);
        }

        // What is still there would be charged to what comes next.
        Course.IsOver |= !left.IsNothingLeft;
        if (Course.IsOver) Bench.Start(Bench.Facts.Negotiated);
        return left.Bypass;
    }

    private void Lack(string what)
    {
        Course.Knowledge?.Lack(what);
        Course.Observations.Story?.Saw("left out");
    }
}
