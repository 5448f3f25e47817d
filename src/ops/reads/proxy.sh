# proxy: caddy, and both of its files as they are.
# shellcheck shell=sh disable=SC1091
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
t=$(printf '\t')
if command -v caddy >/dev/null; then printf '@caddy\t%s\t%s\n' "$(caddy version 2>/dev/null | cut -d' ' -f1)" "$(systemctl is-active caddy 2>/dev/null)"; fi
show() {
  [ -e "$2" ] || return 0
  printf '@has\t%s\n' "$1"
  awk -v key="@$1$t" '{ print key $0 }' "$2"
}
show main /etc/caddy/Caddyfile || exit 1
show managed /opt/infrakt/caddy/Caddyfile || exit 1
echo @end
