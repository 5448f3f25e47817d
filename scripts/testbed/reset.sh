# Runs as root on a server: takes away what tests put there. What the image brought stays (docker, registry, busybox:local, repositories).

for unit in $(systemctl list-units --all --plain --no-legend 'infrakt-*' 2>/dev/null | awk '{print $1}'); do
  systemctl kill -s KILL "$unit" 2>/dev/null || :
  systemctl stop "$unit" 2>/dev/null || :
  systemctl reset-failed "$unit" 2>/dev/null || :
done
for unit in /etc/systemd/system/infrakt-*; do
  [ -e "$unit" ] || continue
  systemctl disable "${unit##*/}" 2>/dev/null || :
  rm -f "$unit"
done
systemctl daemon-reload

if command -v docker >/dev/null && docker version >/dev/null 2>&1; then
  docker ps -aq | xargs -r docker rm -fv >/dev/null
  docker network ls -q --filter type=custom | xargs -r docker network rm >/dev/null
  docker volume ls -q | xargs -r docker volume rm -f >/dev/null
  docker images --format '{{.ID}} {{.Repository}}:{{.Tag}}' | awk '$2 != "busybox:local" {print $1}' | sort -u | xargs -r docker rmi -f >/dev/null 2>&1 || :
fi

rm -rf /opt/infrakt /var/lib/infrakt /run/infrakt
if [ -e /opt/testbed/clean.tar ]; then
  ufw --force disable >/dev/null
  rm -rf /etc/caddy /etc/ufw
  tar -C / -xf /opt/testbed/clean.tar
  # What failed, or was started often, may be started again.
  systemctl reset-failed 2>/dev/null || :
  systemctl restart caddy
  systemctl start docker docker-registry
  fail2ban-client unban --all >/dev/null 2>&1 || :
  /opt/testbed/load-images
  rm -f /run/testbed-slow-rate
fi
