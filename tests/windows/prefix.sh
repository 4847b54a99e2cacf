#!/bin/sh
# prefix.sh - the libraries for Windows, static, from Debian's source packages.
# Builds them once, with all output to standard error, and prints the folder
# they are in. The folder's name has a hash of this script, so it is built anew
# when this changes. TP_JOBS: how many jobs at a time.
set -eu

host=x86_64-w64-mingw32
hash=$(sha256sum "$0" | cut -c -16)
prefix=${XDG_CACHE_HOME:-$HOME/.cache}/transponder/windows-$hash
jobs=${TP_JOBS:-$(nproc)}
if [ -d "$prefix" ]; then
	echo "$prefix"
	exit
fi
exec 3>&1 1>&2

# Built beside its place and moved there whole: none is ever half there.
mkdir -p "${prefix%/*}"
work=$(mktemp -d "$prefix.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
made=$work/prefix
mkdir "$work/apt" "$work/src" "$made"

# --- sources ----------------------------------------------------------------

# The machine's own package lists stay as they are: this makes some of source
# packages from its entries for the distribution itself, in a folder apart.
write_sources() {
	distribution=$(. /etc/os-release && echo "$ID")
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
		sed -n "s/^deb \(.*$distribution\)/deb-src \1/p" \
			>"$work/apt/sources.list"
	mkdir "$work/apt/parts" "$work/apt/lists" "$work/apt/cache"
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -e "$file" ] || continue
		sed 's/^Types:.*/Types: deb-src/' "$file" |
			awk -v RS= -v ORS='\n\n' "/^URIs:.*$distribution/ ||
			    /\nURIs:[^\n]*$distribution/"
	done >"$work/apt/parts/all.sources"
	cat >"$work/apt/apt.conf" <<-CONF
		Dir::Etc::SourceList "$work/apt/sources.list";
		Dir::Etc::SourceParts "$work/apt/parts";
		Dir::State::Lists "$work/apt/lists";
		Dir::Cache "$work/apt/cache";
		APT::Sandbox::User "";
	CONF
}

# The newest that there is; a security update may be listed and yet not there,
# then the release's own.
get_source() {
	apt-get -q source "$1" ||
		apt-get -q source "$1/$(. /etc/os-release && echo "$VERSION_CODENAME")"
}

get_sources() {
	write_sources
	APT_CONFIG=$work/apt/apt.conf
	export APT_CONFIG
	apt-get -q update
	cd "$work/src"
	for package in openssl libevent jansson sqlite3 check; do
		get_source $package
	done
	unset APT_CONFIG
}

# --- libraries --------------------------------------------------------------

# Sees what was built here, and nothing of this machine.
PKG_CONFIG_LIBDIR=$made/lib/pkgconfig
PKG_CONFIG='pkg-config --static'
export PKG_CONFIG_LIBDIR PKG_CONFIG

# Windows 10 and later; printf as in the C standard.
CPPFLAGS='-D_WIN32_WINNT=0x0A00 -D__USE_MINGW_ANSI_STDIO=1'
CFLAGS='-O2 -g0'

# Where it looks for files of its own must be no folder that any user of the
# Windows machine may make; it does not read a configuration file unasked.
openssl() {
	cd "$work"/src/openssl-*/
	./Configure mingw64 "--cross-compile-prefix=$host-" --prefix="$made" \
		--libdir=lib no-autoload-config no-shared no-tests no-dso \
		no-engine no-module no-legacy $CPPFLAGS -O2
	own=C:/Windows/ssl
	make -j"$jobs" build_libs OPENSSLDIR=$own ENGINESDIR=$own/engines \
		MODULESDIR=$own/modules
	make install_dev
}

# make_configure PACKAGE: Debian's patches make its sources newer than it.
make_configure() {
	cd "$work"/src/$1-*/
	autoreconf -fi
}

# configure_in PACKAGE OPTION...
configure_in() {
	cd "$work"/src/$1-*/
	shift
	./configure --host=$host --prefix="$made" --disable-shared \
		CPPFLAGS="$CPPFLAGS" CFLAGS="$CFLAGS" "$@"
}

jansson() {
	make_configure jansson
	configure_in jansson
	make SUBDIRS=src
	make SUBDIRS=src install
}

check() {
	make_configure check
	configure_in check --disable-fork --disable-subunit \
		--disable-build-docs
	make SUBDIRS='lib src'
	make SUBDIRS='lib src' install
	sed -i 's/-lcheck_pic/-lcheck/' "$made/lib/pkgconfig/check.pc"
}

# One file is made of all of its sources, by tools that run here, and compiled.
sqlite() {
	cd "$work"/src/sqlite3-*/
	version=$(cat VERSION)
	./configure --disable-tcl --disable-readline
	make sqlite3.c
	$host-gcc $CPPFLAGS $CFLAGS -DSQLITE_THREADSAFE=1 \
		-DSQLITE_DQS=0 -DSQLITE_OMIT_LOAD_EXTENSION -c sqlite3.c
	mkdir -p "$made/include" "$made/lib/pkgconfig"
	$host-ar cr "$made/lib/libsqlite3.a" sqlite3.o
	cp sqlite3.h "$made/include"
	cat >"$made/lib/pkgconfig/sqlite3.pc" <<-PC
		prefix=$made
		Name: SQLite
		Description: SQL database engine
		Version: $version
		Libs: -L\${prefix}/lib -lsqlite3
		Cflags: -I\${prefix}/include
	PC
}

libevent() {
	configure_in libevent --disable-samples --disable-libevent-regress
	set -- lib_LTLIBRARIES='libevent.la libevent_openssl.la'
	make -j"$jobs" "$@"
	make install "$@"
}

get_sources
# Beside OpenSSL, which takes longest; libevent needs it.
(make_configure libevent; jansson; sqlite; check) >"$work/small.log" 2>&1 &
openssl
wait $! || { cat "$work/small.log"; exit 1; }
libevent
rm -rf "$made/bin" "$made/share" "$made"/lib/*.la \
	"$made"/lib/pkgconfig/libevent_core.pc \
	"$made"/lib/pkgconfig/libevent_extra.pc
# The whole folder may be moved: what it says of itself is relative.
sed -i "s|$made|\${pcfiledir}/../..|g" "$made"/lib/pkgconfig/*.pc
mv -T "$made" "$prefix" || [ -d "$prefix" ] # another run was first
echo "$prefix" >&3
