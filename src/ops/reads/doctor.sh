# doctor: the clock, and what infrakt wrote, as it lies there now.
# shellcheck shell=sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C
t=$(printf '\t')
say() { printf '@%s\n' "$*"; }
say "clock$t$(date +%s)"
if [ -d /var/lib/infrakt ]; then say "folder$t$(stat -c %a /var/lib/infrakt)"; fi
for link in /opt/infrakt/apps/*/current; do
  if [ -L "$link" ]; then
    app=${link%/current}
    say "current$t${app##*/}$t$(readlink "$link")"
  fi
done
if [ -r /opt/infrakt/caddy/Caddyfile ]; then sed "s/^/@caddy$t/" /opt/infrakt/caddy/Caddyfile; fi
echo
echo @end
