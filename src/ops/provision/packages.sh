# packages: refreshes the package lists; upgrades what is installed only when asked to, and says what.
say os "$os $os_version"
say arch "$(dpkg --print-architecture)"
stamp=$state/lists-refreshed
lists() { find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' 2>/dev/null | grep -q .; }
# Younger than an hour, and no source was added since.
fresh() { lists && [ -n "$(find "$stamp" -mmin -60 2>/dev/null)" ] && [ -z "$(find /etc/apt/sources.list /etc/apt/sources.list.d -newer "$stamp" 2>/dev/null)" ]; }

done_before=yes
if ! fresh; then
  done_before=
  repair
  apt update || {
    disk_trouble
    fail transient packages_unreachable "the package lists of $SERVER cannot be refreshed: $(grep '^E: ' "$tmp/apt" | head -n 1)" "see what \`apt-get update\` says there"
  }
  # apt calls it a success when it could store nothing.
  disk_trouble
  lists || fail transient packages_unreachable "the package servers of $SERVER do not answer" "see what \`apt-get update\` says there: /etc/apt/sources.list.d names them"
  ! grep -q 'Some index files failed' "$tmp/apt" || note "some package sources do not answer; their old lists are used"
  : >"$stamp"
fi
if [ "$UPGRADE" ]; then
  LC_ALL=C apt-get -s --with-new-pkgs upgrade | sed -n 's/^Inst \([^ ]*\) \[\([^]]*\)\] (\([^ ]*\) .*/\1 \2 -> \3/p; s/^Inst \([^ ]*\) (\([^ ]*\) .*/\1 new \2/p' >"$tmp/news"
  count=$(wc -l <"$tmp/news")
  if [ "$count" -gt 0 ]; then
    done_before=
    echo "upgrading:"
    sed 's/^/  /' "$tmp/news"
    repair
    apt --with-new-pkgs upgrade || {
      disk_trouble
      fail permanent packages_failed "the upgrade failed: $(grep '^E: ' "$tmp/apt" | head -n 1)" "see what \`apt-get upgrade\` says on $SERVER"
    }
    note "upgraded $count package$([ "$count" = 1 ] || echo s): $(cut -d' ' -f1 "$tmp/news" | head -n 20 | paste -sd ' ')$([ "$count" -le 20 ] || echo ' …')"
    [ ! -e /run/reboot-required ] || note "$SERVER wants a reboot to use all of it"
  fi
fi
[ -z "$done_before" ] || already "the lists are less than an hour old${UPGRADE:+, nothing to upgrade}"
