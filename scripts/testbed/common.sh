# The testbed's folders, names and small tools. Sourced by scripts/testserver.

SAMPLES=$HERE/testbed/samples
TB=${INFRAKT_TESTBED_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/infrakt-testbed}
mkdir -p "$TB"
chmod 700 "$TB"
TB=$(cd "$TB" && pwd -P)
SCOPE=${INFRAKT_TESTBED_SCOPE:-$(printf %s "$HERE" | sha256sum | cut -c1-8)}
PREFIX=infrakt-testbed
KEY=$TB/id_ed25519
# Sockets live here and not under $TB: a path above 107 bytes cannot be bound.
RUN=/run/infrakt-testbed-$(printf %s "$TB" | sha256sum | cut -c1-8)

say() { printf 'testserver: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Runs a noisy command; shows what it said only when it fails.
quietly() {
  local log
  log=$(mktemp "$TB/log.XXXXXX")
  if "$@" >"$log" 2>&1; then rm -f "$log"; return 0; fi
  say "failed: $*"
  tail -n 40 "$log" >&2
  rm -f "$log"
  return 1
}

# One at a time across all processes and checkouts: with_lock NAME COMMAND…
# The lock is closed for the command's children (a daemon started under it would hold it for ever).
with_lock() {
  local name=$1 fd rc=0
  shift
  exec {fd}>"$TB/$name.lock"
  flock -w 1200 "$fd" || die "another process holds $TB/$name.lock for too long"
  "$@" {fd}>&- || rc=$?
  exec {fd}>&-
  return $rc
}

# Waits until a command succeeds: wait_until SECONDS WHAT COMMAND…
wait_until() {
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $limit ] || { say "waited in vain for $what"; return 1; }
    sleep 0.1
  done
}
