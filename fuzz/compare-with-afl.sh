#!/bin/sh
# How much faster a campaign of our own is than afl-fuzz on the same target, both on one core, in turn, so that whatever else the machine does
# weighs on both alike. Usage: fuzz/compare-with-afl.sh [SECONDS [ROUNDS [TARGET...]]]; build first: dotnet build -c Release fuzz/Fuzz
set -eu
seconds=${1:-30}
rounds=${2:-3}
[ $# -gt 2 ] && shift 2 && targets=$* || targets="request sequence split-ring packed-ring"
core=${CORE:-0}
fuzz=${FUZZ:-$(dirname "$0")/Fuzz/bin/Release/net10.0/fuzz}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_SKIP_CPUFREQ=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_ALLOW_TMP=1

ours() { # target, round
    taskset -c "$core" "$fuzz" run "$1" --time "$seconds" --jobs 1 --seed "$2" --keep-going --report "$work/ours-$1-$2" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    # Without the start: afl-fuzz does not count its own either.
    sed -n 's/.*"seconds":\([0-9.]*\),"execs":\([0-9]*\),.*/\2 \1/p' "$work/ours-$1-$2/stats.ndjson" |
        awk '$1 > 0 && !start { start = $2; first = $1 } { last = $1; end = $2 } END { printf "%d\n", (last - first) / (end - start) }'
}

theirs() { # target, round
    taskset -c "$core" afl-fuzz -V "$seconds" -s "$2" -t 10000 -i "$work/seeds-$1" -o "$work/theirs-$1-$2" -- "$fuzz" afl "$1" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    awk '$1 == "execs_done" { done = $3 } $1 == "run_time" { time = $3 } END { printf "%d\n", done / time }' "$work/theirs-$1-$2/default/fuzzer_stats"
}

median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

echo "| target | executions a second, median of $rounds | under afl-fuzz | ratio |"
echo "|---|---|---|---|"
for target in $targets; do
    "$fuzz" merge "$target" "$work/seeds-$target" "$(dirname "$0")/../corpus/seeds/$target" --raw >/dev/null
    rm -f "$work/seeds-$target/.lock"
    : >"$work/ours"
    : >"$work/theirs"
    for round in $(seq "$rounds"); do
        ours "$target" "$round" >>"$work/ours"
        theirs "$target" "$round" >>"$work/theirs"
    done
    one=$(median <"$work/ours")
    two=$(median <"$work/theirs")
    echo "| $target | $one ($(tr '\n' ' ' <"$work/ours" | sed 's/ $//')) | $two ($(tr '\n' ' ' <"$work/theirs" | sed 's/ $//')) | $(awk "BEGIN { printf \"%.1f\", $one / $two }") |"
done
