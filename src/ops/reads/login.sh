# login: what kind of machine and login this is; asked as the user that logs in.
# shellcheck shell=sh disable=SC1091
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
t=$(printf '\t')
say() { printf '@%s\n' "$*"; }
# shellcheck disable=SC2086
set -- ${SSH_CONNECTION:-}
say "ssh$t${1:-}$t${4:-}"
say "uid$t$(id -u)"
if [ -r /etc/os-release ]; then
  (
    . /etc/os-release
    say "os$t${ID:-}$t${VERSION_ID:-}$t${PRETTY_NAME:-}"
  )
fi
say "arch$t$(uname -m)"
if [ -d /run/systemd/system ]; then say "systemd${t}yes"; fi
if [ "$(id -u)" = 0 ]; then say "root${t}yes"
elif ! command -v sudo >/dev/null; then say "root${t}no${t}sudo is not installed"
elif why=$(LC_ALL=C sudo -n true 2>&1); then say "root${t}yes"
else
  # It warns of a hostname that does not resolve, and goes on: the reason is another line.
  reason=$(printf '%s\n' "$why" | grep -Ev 'unable to (resolve host|send audit message|open audit system)|setrlimit' | grep . | tail -n 1)
  say "root${t}no$t${reason:-$(printf '%s\n' "$why" | tail -n 1)}"
fi
echo @end
