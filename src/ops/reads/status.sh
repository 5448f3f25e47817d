# status: how the server is. Sizes in bytes, times in seconds.
# shellcheck shell=sh disable=SC1091
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C
t=$(printf '\t')
say() { printf '@%s\n' "$*"; }
cpu() { awk '/^cpu / { idle = $5 + $6; for (i = 2; i <= 9; i++) all += $i; print all, idle; exit }' /proc/stat; }

before=$(cpu)
read -r one five fifteen _ </proc/loadavg
say "load$t$one$t$five$t$fifteen"
read -r up _ </proc/uptime
say "uptime$t${up%.*}"
say "cpus$t$(nproc)"
awk '{ m[$1] = $2 * 1024 } END { printf "@memory\t%.0f\t%.0f\n@swap\t%.0f\t%.0f\n", m["MemTotal:"], m["MemAvailable:"], m["SwapTotal:"], m["SwapFree:"] }' /proc/meminfo
df -P -B1 / | awk 'NR == 2 { printf "@disk\t%.0f\t%.0f\t%.0f\n", $2, $3, $4 }'
if [ -r /etc/os-release ]; then (. /etc/os-release && say "os$t${PRETTY_NAME:-}"); fi

# A daemon that hangs must not hang the whole answer.
if command -v docker >/dev/null; then
  if version=$(timeout 10 docker version -f '{{.Server.Version}}' 2>/dev/null) && [ "$version" ]; then
    say "docker$t$version$t$(timeout 10 docker compose version --short 2>/dev/null)"
    timeout 10 docker ps -a --no-trunc --format "@container$t{{.ID}}$t{{.Names}}$t{{.Image}}$t{{.State}}$t{{.Status}}$t{{.Label \"com.docker.compose.project\"}}$t{{.Label \"infrakt.app\"}}"
  else
    say docker
  fi
fi
if command -v ufw >/dev/null; then say "ufw$t$(timeout 10 ufw status 2>/dev/null | sed -n 's/^Status: //p')"; fi
if command -v caddy >/dev/null; then say "caddy$t$(caddy version 2>/dev/null | cut -d' ' -f1)$t$(systemctl is-active caddy 2>/dev/null)"; fi
if command -v fail2ban-client >/dev/null; then say "fail2ban$t$(systemctl is-active fail2ban 2>/dev/null)"; fi
if [ -e /run/reboot-required ]; then say "reboot${t}yes"; fi
sleep 0.2
say "cpu$t$before$t$(cpu)"
echo @end
