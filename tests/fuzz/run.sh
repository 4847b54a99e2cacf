#!/bin/sh
# run.sh - fuzzes the targets, some at a time, and tells what came of each.
#
# run.sh BUILD-DIRECTORY JOBS [SECONDS [TARGET...]]. What is found is kept in
# BUILD-DIRECTORY: new inputs in corpus/TARGET, one that breaks a target as
# crash-*, and the target's log.
set -u

build=$1 jobs=$2 seconds=${3:-30}
seeds=$PWD/tests/fuzz/seeds
shift $(($# < 3 ? $# : 3))
if [ $# = 0 ]; then
	for harness in tests/fuzz/fuzz_*.c; do
		target=$(basename "$harness" .c)
		# some need a library that may not be there
		[ ! -x "$build/$target" ] || set -- "$@" "${target#fuzz_}"
	done
fi
cd "$build" || exit

fuzz() {
	mkdir -p "corpus/$1"
	"./fuzz_$1" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=1024 \
		-print_final_stats=1 "corpus/$1" "$seeds/$1" >"fuzz_$1.log" 2>&1
	result=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "fuzz_$1.log")
	if [ $result = 0 ]; then
		echo "fuzz_$1: ${runs:-?} runs in $seconds s, nothing found"
	else
		tail -n 30 "fuzz_$1.log"
		echo "fuzz_$1: BROKEN, see $build/fuzz_$1.log"
	fi
	return $result
}

failed=0 started=0 pids=
wait_all() {
	for pid in $pids; do
		wait "$pid" || failed=$((failed + 1))
	done
	pids=
}

targets=$#
for target; do
	fuzz "$target" &
	pids="$pids $!"
	started=$((started + 1))
	[ $((started % jobs)) != 0 ] || wait_all
done
wait_all
echo "fuzz: $((targets - failed)) passed, $failed failed"
[ $failed = 0 ]
