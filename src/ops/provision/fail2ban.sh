# fail2ban: bans addresses that guess passwords; never the one that infrakt comes from.
jail=/etc/fail2ban/jail.d/infrakt.conf
watching() { fail2ban-client status sshd; }
facts() {
  version=$(dpkg-query -W -f '${Version}' fail2ban 2>/dev/null || fail2ban-client --version | head -n 1)
  say fail2ban "$version"
}
repair
if command -v fail2ban-client >/dev/null && running fail2ban && watching >/dev/null 2>&1; then
  facts
  already "fail2ban $version"
fi
installed fail2ban || install_packages fail2ban
if [ ! -e "$jail" ]; then
  ports=$({ echo "$SSH_PORT"; /usr/sbin/sshd -T 2>/dev/null | awk '$1 == "port" { print $2 }'; } | sort -un | paste -sd ,)
  {
    echo "# Written once by infrakt; jail.local and *.local files go before it."
    echo "[sshd]"
    echo "enabled = true"
    echo "port = $ports"
    # Ten tries: an SSH agent with many keys uses up the usual five in two logins.
    echo "maxretry = 10"
    echo "ignoreip = 127.0.0.1/8 ::1 $SSH_CLIENT_ADDRESS"
    # Without a syslog the default looks for a file that is not there, and fail2ban does not start.
    if [ ! -e /var/log/auth.log ]; then echo "backend = systemd"; fi
  } >"$tmp/jail"
  install -m 0644 "$tmp/jail" "$jail"
fi
if [ ! -e /var/log/auth.log ] && ! python3 -c 'import systemd' 2>/dev/null; then install_packages python3-systemd; fi
systemctl enable fail2ban
systemctl restart fail2ban || :
until_ok 30 watching || {
  journalctl -u fail2ban -n 20 --no-pager -o cat 2>/dev/null | sed 's/^/| /'
  fail permanent fail2ban_down "fail2ban is installed on $SERVER but does not watch over SSH" "see \`journalctl -u fail2ban\` there"
}
facts
note "fail2ban $version"
