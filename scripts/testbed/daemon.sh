# The docker daemon that holds the servers: the machine's own where one answers, else a private one. Sourced by scripts/testserver.

SOCK=$RUN/sock
BRIDGE=ifkt$(printf %s "$TB" | sha256sum | cut -c1-6)

# docker, at the daemon that was chosen
D() {
  if [ -n "${PRIVATE:-}" ]; then as_root docker -H "unix://$SOCK" "$@"; else docker "$@"; fi
}

# Chooses the daemon: the machine's own, else the private one if it runs.
daemon_answers() {
  [ -z "${DAEMON_CHOSEN:-}" ] || return 0
  command -v docker >/dev/null || return 1
  if [ -z "${INFRAKT_TESTBED_PRIVATE:-}" ] && [ ! -e "$TB/private" ] && docker version >/dev/null 2>&1; then
    PRIVATE=
  elif PRIVATE=1 && D version >/dev/null 2>&1; then
    :
  else
    return 1
  fi
  DAEMON_CHOSEN=1
}

use_daemon() { daemon_answers || { say "no server runs here"; return 1; }; }

start_daemon() {
  need_server_tools
  daemon_answers || with_lock daemon start_private_daemon
  daemon_answers || die "no docker daemon answers, and none could be started; its log: $TB/dockerd.log"
}

start_private_daemon() {
  ! daemon_answers || return 0
  need_tools dockerd:docker.io
  need_tools docker:docker-cli # part of docker.io in older releases, which then is there already
  ! daemon_answers || return 0 # installing it may have started it
  say "starting a private dockerd under $TB"
  as_root mkdir -p "$RUN" "$TB/docker"
  touch "$TB/private"
  if ! ip link show "$BRIDGE" >/dev/null 2>&1; then
    as_root ip link add "$BRIDGE" type bridge
    as_root ip addr add "$(free_subnet).1/24" dev "$BRIDGE"
  fi
  # An address of its own, else it bears that of one of its ports; and when that port's server goes, the gateway of all the others goes
  # with it: their packets are lost until they ask anew, which takes many seconds.
  as_root ip link set "$BRIDGE" address "02:$(printf %s "$BRIDGE" | sha256sum | sed 's/\(..\)/\1:/g' | cut -c1-14)"
  as_root ip link set "$BRIDGE" up
  # setsid -f: a Ctrl-C meant for a test run must not take the daemon along, and nothing of ours stays behind with it.
  as_root setsid -f dockerd --data-root "$TB/docker" --exec-root "$RUN/exec" --pidfile "$RUN/pid" -H "unix://$SOCK" \
    --bridge "$BRIDGE" --log-level warn </dev/null >"$TB/dockerd.log" 2>&1
  PRIVATE=1
  wait_until 120 "dockerd" private_answers || { tail -n 20 "$TB/dockerd.log" >&2; return 1; }
}

private_answers() { D version >/dev/null 2>&1; }

# A /24 that no route of this machine touches
free_subnet() {
  local n
  for n in $(shuf -i 16-250 -n 50); do
    ip -4 route show | grep -q "^10\.231\.$n\." || { echo "10.231.$n"; return; }
  done
  die "no free subnet for the bridge"
}

# Stops the private daemon if it is ours to stop and holds no server any more.
stop_daemon_if_idle() {
  [ -e "$TB/private" ] || return 0
  PRIVATE=1
  if private_answers && [ -n "$(D ps -aq --filter label=infrakt.testbed)" ]; then return 0; fi
  if as_root test -s "$RUN/pid"; then
    local pid
    pid=$(as_root cat "$RUN/pid")
    if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then
      as_root kill "$pid"
      wait_until 30 "the end of dockerd" daemon_gone "$pid"
    fi
  fi
  ip link show "$BRIDGE" >/dev/null 2>&1 && as_root ip link del "$BRIDGE"
  as_root rm -rf "$RUN"
  rm -f "$TB/private" "$TB/dockerd.log"
  unset DAEMON_CHOSEN
}

daemon_gone() { [ ! -e "/proc/$1" ]; }
