#!/bin/sh
# demo.sh - one web page through the tunnel, with every step told.
#
# demo.sh [--stay]; run from where outer_server and inner_server are. All it
# makes is in a directory of its own, which is gone afterwards; every port is
# a free one.
set -eu

stay=
case ${1:-} in
'') ;;
--stay) stay=yes ;;
*) echo "demo.sh: $1: the only option is --stay" >&2; exit 2 ;;
esac

bold='' plain=''
if [ -t 1 ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi
web=		# process of the web server
outer=		# of outer_server
inner=		# of inner_server
watch=		# of tail, which shows a log
dir=$(mktemp -d)
chmod 755 "$dir"

step() { printf '%s%-14s%s %s\n' "$bold" "$1" "$plain" "$2"; }
more() { printf '%-14s %s\n' '' "$1"; }

# Ends what was started, the inner first, so that no log speaks of a loss.
finish() {
	status=$?
	trap - EXIT INT TERM HUP
	for process in $watch $inner $outer $web; do
		kill "$process" 2>/dev/null || continue
		wait "$process" 2>/dev/null || :
	done
	rm -rf "$dir"
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
	printf '\nThe demo failed: %s\n' "$1" >&2
	for log in outer inner web curl; do
		[ -s "$dir/$log.log" ] || continue
		printf '\nlast lines of %s.log:\n' "$log" >&2
		tail -n 8 "$dir/$log.log" | sed 's/^/  /' >&2
	done
	exit 1
}

# wait_line PROCESS LOG PATTERN SUBJECT: the first line that matches, in $line.
wait_line() {
	tries=0
	while ! line=$(grep -m 1 -e "$3" "$dir/$2.log" 2>/dev/null); do
		kill -0 "$1" 2>/dev/null || fail "$4 ended"
		tries=$((tries + 1))
		[ $tries -lt 200 ] || fail "$4 is not ready after 10 seconds"
		sleep 0.05
	done
}

answers() { curl -s -o /dev/null --max-time 2 "$1"; }

# --- the web server ---------------------------------------------------------

write_page() {
	mkdir "$dir/page"
	cat >"$dir/page/index.html" <<'END'
<!doctype html>
<title>Transponder</title>
<h1>Hello from behind the tunnel</h1>
END
}

# Below the ports that the system gives to outgoing connections.
random_port() {
	echo $((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
}

write_nginx() {
	# As root, nginx would give the work to a user who may not read here.
	[ "$(id -u)" != 0 ] || echo 'user root;'
	cat <<END
daemon off;
worker_processes 1;
pid nginx.pid;
error_log web.log;
events {}
http {
	access_log access.log;
	client_body_temp_path tmp;
	proxy_temp_path tmp;
	fastcgi_temp_path tmp;
	uwsgi_temp_path tmp;
	scgi_temp_path tmp;
	server {
		listen 127.0.0.1:$1;
		root page;
	}
}
END
}

start_nginx() {
	for attempt in 1 2 3 4 5; do
		port=$(random_port)
		write_nginx "$port" >"$dir/nginx.conf"
		nginx -p "$dir" -c "$dir/nginx.conf" >>"$dir/web.log" 2>&1 &
		web=$!
		tries=0
		while kill -0 "$web" 2>/dev/null && [ $tries -lt 200 ]; do
			[ -s "$dir/nginx.pid" ] && answers "127.0.0.1:$port" &&
				return
			tries=$((tries + 1))
			sleep 0.05
		done
		[ "$attempt" = 5 ] || : >"$dir/web.log"
	done
	fail 'nginx does not start'
}

start_python() {
	(cd "$dir/page" && exec python3 -u -m http.server --bind 127.0.0.1 0) \
		>"$dir/web.log" 2>&1 &
	web=$!
	wait_line "$web" web 'port [0-9]' "Python's web server"
	port=$(echo "$line" | sed 's/.* port \([0-9]*\).*/\1/')
}

start_web() {
	write_page
	if command -v nginx >/dev/null; then
		start_nginx
		name="nginx $(nginx -v 2>&1 | sed 's,.*/\([0-9.]*\).*,\1,')"
	else
		start_python
		name="Python's web server"
	fi
	step 'web server' "$name serves a page at 127.0.0.1:$port"
}

# --- the tunnel -------------------------------------------------------------

start_outer() {
	key=$(./outer_server --generate-key)
	cat >"$dir/outer.config.json" <<END
{
	"InnerServerAddress": "tcp://127.0.0.1:0",
	"OuterServerAddress": "tcp://127.0.0.1:0",
	"AuthKey": "$key",
	"DrainTimeout": 0.5
}
END
	./outer_server -c "$dir/outer.config.json" >"$dir/outer.log" 2>&1 &
	outer=$!
	wait_line $outer outer 'listening for=links ' outer_server
	links=${line##*address=}
	wait_line $outer outer 'listening for=clients ' outer_server
	clients=${line##*address=tcp://}
	wait_line $outer outer 'outer: ready ' outer_server
	step outer_server "listens for clients at $clients"
	more "and for inner servers at ${links#tcp://}"
}

start_inner() {
	cat >"$dir/inner.config.json" <<END
{
	"RegisterAddress": "$links",
	"ProxyAddress": "tcp://127.0.0.1:$port",
	"AuthKey": "$key",
	"DrainTimeout": 0.5
}
END
	./inner_server -c "$dir/inner.config.json" >"$dir/inner.log" 2>&1 &
	inner=$!
	wait_line $inner inner 'keeper: connected ' inner_server
	step inner_server "dialled the outer and proved that it knows the key;"
	more "it alone is told where the web server is"
}

# --- the request ------------------------------------------------------------

fetch() {
	url=http://$clients/
	got=$(curl -sS --max-time 10 -o "$dir/got" \
		-w '%{http_code} %{size_download} %{time_total}' \
		"$url" 2>"$dir/curl.log") || fail "curl got no answer from $url"
	# shellcheck disable=SC2086 # three words
	set -- $got
	step curl "asked $url and got $1, $2 bytes, in $3 s:"
	sed 's/^/                 /' "$dir/got"
	[ "$1" = 200 ] || fail "the answer was $1"
	cmp -s "$dir/got" "$dir/page/index.html" || fail 'that is not the page'
}

tell_session() {
	wait_line $outer outer 'session: finished ' outer_server
	step 'outer logged' "${line##*session: finished }"
	wait_line $inner inner 'session: finished ' inner_server
	step 'inner logged' "${line##*session: finished }"
}

keep() {
	trap 'echo; exit 0' INT
	printf '\n%s%s%s is up until Ctrl-C. The outer logs:\n' \
		"$bold" "$url" "$plain"
	tail -n 0 -f "$dir/outer.log" &
	watch=$!
	wait $outer || :
	fail 'outer_server ended'
}

start_web
start_outer
start_inner
fetch
tell_session
if [ -n "$stay" ]; then
	keep
else
	printf '\nThe page came through the tunnel.\n'
fi
