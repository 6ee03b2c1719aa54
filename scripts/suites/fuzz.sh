#!/usr/bin/env bash
# Every decoder against libFuzzer, two at a time: 10 s each, 60 s when proving. A panic,
# a body that takes more memory than its length allows, or one that takes 5 s fails.
# The targets build with the compiler's own coverage, so stable Rust does.
set -uo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/../env.sh"
cd "$root/protocols/fuzz" || exit 1

seconds=10
[ -z "${SRE_COPILOT_PROVE:-}" ] || seconds=60
built=$CARGO_TARGET_DIR/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
log=$RESULTS/fuzz.log

if ! cargo fetch --locked --target "$host" >"$log" 2>&1; then
  echo "SKIPPED fuzz: libfuzzer-sys is not to be had here" >&2
  echo "skipped fuzz: libfuzzer-sys is not to be had here" >>"$RESULTS/fuzz"
  exit 0
fi

# A named target leaves build scripts without coverage, which they could not link.
coverage="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares"
if ! RUSTFLAGS=$(tr -s '\n ' ' ' <<<"$coverage") CARGO_TARGET_DIR=$built \
  timeout 900 cargo build --quiet --locked --release --bins --target "$host" >>"$log" 2>&1; then
  tail -n 60 "$log"
  exit 1
fi

# Real bodies are where each begins; what it finds beyond them is kept for the next run.
run() {
  local name=$1 corpus=$built/corpus/$1 output=$RESULTS/fuzz-$1.txt
  mkdir -p "$corpus"
  if timeout $((seconds + 60)) "$built/$host/release/$name" \
    -max_total_time=$seconds -timeout=5 -rss_limit_mb=1024 -max_len=16384 -print_final_stats=1 \
    -artifact_prefix="$RESULTS/fuzz-$name-" \
    "$corpus" "$root/protocols/tests/fixtures" "$root/protocols/tests/alertmanager" >"$output" 2>&1; then
    echo "passed 1" >>"$RESULTS/fuzz"
    echo "  ok $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$output") bodies"
  else
    echo "failed fuzz $name" >>"$RESULTS/fuzz"
    echo "  FAILED $name"
    tail -n 40 "$output"
  fi
}

mapfile -t targets < <(sed -n '/^\[\[bin\]\]/{n;s/^name = "\(.*\)"/\1/p}' Cargo.toml)
for name in "${targets[@]}"; do
  [ "$(jobs -rp | wc -l)" -lt 2 ] || wait -n
  run "$name" &
done
wait

bodies=$(cat "$RESULTS"/fuzz-*.txt | sed -n 's/^stat::number_of_executed_units: *//p' | awk '{n += $1} END {print n + 0}')
grep -q '^failed ' "$RESULTS/fuzz" ||
  echo "PROOF fuzz: ${#targets[@]} decoders for $seconds s each, $bodies bodies, 0 panics, 0 unbounded allocations" >>"$log"
