# caddy: the web server in front of the apps, running and started at boot.
facts() {
  version=$(caddy version | cut -d' ' -f1)
  say caddy "${version#v}"
}
vendor_url=https://dl.cloudsmith.io/public/caddy/stable
repair
if command -v caddy >/dev/null && running caddy; then
  facts
  already "caddy ${version#v}"
fi
# Whoever has the web's ports already stays: nothing is installed that could not start.
if command -v ss >/dev/null; then
  for port in 80 443; do
    who=$(ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p' | grep -v '^caddy ' | head -n 1)
    [ -z "$who" ] || fail permanent web_port_taken "port $port of $SERVER is used by $who, caddy cannot have it" "stop that or move it to another port, then provision again; nothing of it was changed"
  done
fi
if ! command -v caddy >/dev/null; then
  if [ "$PACKAGES" != distro ] && ! apt-cache policy caddy 2>/dev/null | grep -q cloudsmith; then
    if answers "$vendor_url/deb/debian/dists/any-version/Release" &&
      add_source caddy-stable "$vendor_url/deb/debian" "$vendor_url/gpg.key" any-version main; then :
    elif [ "$PACKAGES" = vendor ]; then
      fail transient vendor_unreachable "Caddy's package repository does not answer $SERVER" "use \`--packages auto\` or \`--packages distro\`"
    else note "Caddy's own package repository does not answer: using $os's packages"; fi
  fi
  [ "$(candidate caddy)" ] || fail permanent no_caddy "$os $os_version has no package caddy, and Caddy's own repository is not used or does not answer; nothing was installed" "let $SERVER reach dl.cloudsmith.io, or use a newer $os"
  install_packages caddy
fi
systemctl enable --now caddy || :
until_ok 20 systemctl -q is-active caddy || {
  journalctl -u caddy -n 20 --no-pager -o cat 2>/dev/null | sed 's/^/| /'
  fail permanent caddy_down "caddy is installed on $SERVER but does not start" "see \`journalctl -u caddy\` there"
}
facts
note "caddy ${version#v}"
