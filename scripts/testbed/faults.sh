# What can happen to a server: reboot, power cut, cut line, freeze, killed sessions. Sourced by scripts/testserver.

server_reboot() {
  local id port before
  id=$(server_id "$1")
  port=$(label_of "$id" port)
  before=$(started_at "$id")
  case $2 in
    hard) D kill "$id" >/dev/null; D start "$id" >/dev/null ;;
    soft) D exec "$id" systemctl reboot >/dev/null 2>&1 || true ;; # the container's restart policy is the machine's firmware
    *) die "reboot hard or soft, not '$2'" ;;
  esac
  wait_until 90 "the reboot of $1" rebooted "$id" "$before"
  wait_until 120 "sshd on $1" ssh_answers "$port"
}

started_at() { D inspect -f '{{.State.StartedAt}}' "$1"; }
rebooted() { [ "$(D inspect -f '{{.State.Running}}' "$1")" = true ] && [ "$(started_at "$1")" != "$2" ]; }

# In the server's own network namespace, seen from outside: nothing of this machine's tables is touched,
# and the rules are gone with the container.
server_cut() {
  local id pid rule
  id=$(server_id "$1")
  pid=$(D inspect -f '{{.State.Pid}}' "$id")
  for rule in "PREROUTING -i eth0" "POSTROUTING -o eth0"; do
    case $2 in
      on) # shellcheck disable=SC2086
        in_network "$pid" iptables -w -t mangle -C $rule -j DROP 2>/dev/null || in_network "$pid" iptables -w -t mangle -I $rule -j DROP ;;
      off) # shellcheck disable=SC2086
        while in_network "$pid" iptables -w -t mangle -D $rule -j DROP 2>/dev/null; do :; done ;;
      *) die "cut on or off, not '$2'" ;;
    esac
  done
}

in_network() { as_root nsenter -n -t "$@"; }

server_freeze() {
  local id
  id=$(server_id "$1")
  case $2 in
    on) D pause "$id" >/dev/null ;;
    off) D unpause "$id" >/dev/null ;;
    *) die "freeze on or off, not '$2'" ;;
  esac
}

server_killssh() {
  D exec "$(server_id "$1")" sh -c 'for p in /proc/[0-9]*; do
    case $(readlink "$p/exe") in */sshd-session | */sshd-auth) kill -9 "${p#/proc/}" 2>/dev/null || : ;; esac
  done'
}

server_unban() { D exec "$(server_id "$1")" sh -c 'if command -v fail2ban-client >/dev/null; then fail2ban-client unban --all >/dev/null; fi'; }
