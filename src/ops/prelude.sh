# A step of infrakt. It runs on the server as a unit of its own, outlives the connection, and may be run again.
# What differs between jobs comes in as assignments, in memory, under $INFRAKT_IN; nothing of it is exported.
# shellcheck shell=sh disable=SC1090,SC1091,SC2015,SC2034,SC2153,SC2154
set -eu
umask 022
exec 3>&1
. "$INFRAKT_IN"

state=/var/lib/infrakt
case ${INFRAKT_CONFIRM:-} in */steps/*) state=${INFRAKT_CONFIRM%/steps/*} ;; esac
tmp=$(mktemp -d)
trap 'at_end $?' EXIT
trap 'exit 143' TERM HUP INT

# Speaks to the engine: one line, whatever the value holds; from a subshell too.
say() { printf '::infrakt %s %s %s\n' "$INFRAKT_STEP" "$1" "$(printf %s "$2" | tr '\n\r' '  ')" >&3; }
note() { say note "$1"; }
# Ends the step: it was so already, nothing was changed.
already() {
  say skipped "$1"
  exit 0
}
# Ends the step: class, code, text for people, and what they may try.
fail() {
  : >"$tmp/said" || :
  say fail "$1 $2 $3"
  [ -z "${4:-}" ] || say hint "$4"
  exit 1
}
# Whatever ended the step: a full disk is named, which sh itself only calls an I/O error.
at_end() {
  if [ "$1" != 0 ] && [ "$1" -lt 128 ] && [ ! -e "$tmp/said" ]; then
    full=$(df -kP "${app_dir:-/opt/infrakt}" /opt/infrakt "$state" "$tmp" / 2>/dev/null | awk 'NR > 1 && $4 + 0 < 64 { print $6; exit }')
    [ -z "$full" ] || say fail "permanent disk_full \`$STEP\` failed on $SERVER, whose disk is full ($full)"
    [ -z "$full" ] || say hint "free some space there (\`docker system df\` shows what docker keeps) and try again"
  fi
  rm -rf "$tmp"
}
seconds() { read -r up _ </proc/uptime && echo "${up%.*}"; }

# What ran here, for people: one line a step, the newest part of it kept.
remember() (
  umask 077
  history=$state/history
  size=$(stat -c %s "$history" 2>/dev/null || echo 0)
  if [ "$size" -gt 262144 ]; then
    tail -c 131072 "$history" | sed 1d >"$history.t" && mv -f "$history.t" "$history"
  fi
  printf '%s %s\n' "$INFRAKT_STEP" "$STEP" >>"$history"
)
remember || :

