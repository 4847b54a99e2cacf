#!/bin/sh
# run.sh BUILD PYTHON - checks a cross-build for Windows: the unit tests under
# wine, the headers of the other C library, what the programs need and how large
# they are, and both running, beside those for Linux. PYTHON: one with pytest.
# Says what went well; exits 1 when something did not.
set -eu

host=x86_64-w64-mingw32
build=$(cd "$1" && pwd)
python=$2
here=$(cd "$(dirname "$0")" && pwd)
jobs=$(nproc)
failed=0

say() { echo "windows: $*"; }
fail() { say "FAILED: $*"; failed=1; }

# Without the first of the overrides a program that crashes exits 0; without the
# others wine asks for parts that nothing here needs.
export WINEPREFIX="$build/wine" WINEDEBUG=-all
export WINEDLLOVERRIDES='winedbg.exe=d;mscoree=;mshtml='
unset DISPLAY WAYLAND_DISPLAY
trap 'wineserver -k 2>/dev/null || :' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

start_wine() {
	timeout 300 wine wineboot -i >"$build/wine.log" 2>&1 ||
		{ cat "$build/wine.log"; fail 'wine does not start'; exit 1; }
}

# Else none of the other results would mean anything.
check_crash() {
	echo 'int main(void) { return *(volatile int *)0; }' |
		$host-gcc -x c -o "$build/crash.exe" -
	if timeout 60 wine "$build/crash.exe" 2>/dev/null; then
		fail 'a program that crashes is taken for a good one'
	fi
	rm "$build/crash.exe"
}

# The unit tests and the fuzz targets over their seeds.
check_units() {
	rm -f "$build/units.tap"
	make -s -j"$jobs" -C "$build" check TESTS= >/dev/null || exit
	CK_TAP_LOG_FILE_NAME=units.tap make -s -j"$jobs" -C "$build" check \
		LOG_COMPILER='timeout 300 wine' >"$build/check.log" 2>&1 || {
		tail -n 60 "$build/test-suite.log"
		fail 'make check'
	}
	awk '/^# (PASS|SKIP|FAIL|ERROR):/ { n[$2] = $3 }
	    END { printf "make check: %d passed, %d skipped, %d failed\n",
		n["PASS:"], n["SKIP:"], n["FAIL:"] + n["ERROR:"] }' \
		"$build/check.log"
	python3 "$here/units.py" "$build/units.tap" "$build/unit_tests.log" ||
		fail 'the unit tests'
}

# Windows has two C libraries: this machine's compiler knows the older one,
# MSYS2's the newer one. Its headers, at least, are here.
check_ucrt() {
	flags=$(printf 'include Makefile\nflags:\n\t@echo %s\n' \
		'$(DEFS) $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS)' |
		make -s -C "$build" -f - flags)
	objects=$(cd "$build" && find common outer inner -name '*.o' |
		sed 's/\.o$/.c/')
	# shellcheck disable=SC2086 # words: flags, files
	(cd "$build" && for file in $objects; do
		[ ! -e "src/$file" ] || echo "src/$file"
	done | xargs -P "$jobs" -n 8 $host-gcc -D_UCRT -fsyntax-only $flags) ||
		fail 'the headers of UCRT'
	say "UCRT: the headers fit $(echo "$objects" | wc -l) files"
}

# What comes with Windows, and nothing else.
system_dlls='advapi32.dll bcrypt.dll crypt32.dll iphlpapi.dll kernel32.dll
msvcrt.dll shell32.dll user32.dll ws2_32.dll'

check_programs() {
	for name in outer_server inner_server; do
		exe=$build/$name.exe
		needs=$($host-objdump -p "$exe" |
			sed -n 's/.*DLL Name: //p' | tr 'A-Z\n' 'a-z ')
		for dll in $needs; do
			case " $(echo $system_dlls) " in
			*" $dll "*) ;;
			*) fail "$name.exe needs $dll" ;;
			esac
		done
		$host-strip -o "$exe.stripped" "$exe"
		say "$name.exe: $(wc -c <"$exe") bytes," \
			"$(wc -c <"$exe.stripped") stripped; needs $needs"
		rm "$exe.stripped"
	done
}

# The running programs, in every pair of systems; then those tests that are marked
# for it, over TLS. Where there is none, pytest fails.
run_pairs() {
	TP_WINDOWS=$build TP_WINEPREFIX=$WINEPREFIX PYTHONDONTWRITEBYTECODE=1 \
		timeout 600 "$python" -m pytest "$here" -q -n $((jobs * 2)) "$@"
}

check_pairs() {
	run_pairs || fail 'the running programs'
	TP_TLS=1 run_pairs -m tls ||
		fail 'the running programs over TLS'
}

start_wine
check_crash
check_units
check_ucrt
check_programs
check_pairs
exit $failed
