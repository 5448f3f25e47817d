# firewall: UFW denies what comes in but 80, 443 and SSH, and what a person has set for these ports stays. The server takes it back by
# itself unless a new connection says that it can still be reached: the undo is armed before anything is changed, and survives a reboot.
undo=$state/firewall
unit=infrakt-firewall-undo

# A run before this one was cut off: back to what was there, then from the start.
if [ -e "$undo/armed" ]; then
  echo "an unconfirmed change was left: putting the firewall back first"
  sh "$undo/undo"
fi

ssh_ports=$({
  echo "$SSH_PORT"
  /usr/sbin/sshd -T 2>/dev/null | awk '$1 == "port" { print $2 } $1 == "listenaddress" { sub(/.*:/, "", $2); print $2 }'
} | grep -x '[0-9][0-9]*' | sort -un)
facts() {
  version=$(ufw version | sed -n 's/^ufw \([^ ]*\).*/\1/p')
  say ufw "$version"
}
# `a, b and c` of the lines of a file
listed() { awk 'NR > 1 { said = said (said == "" ? "" : ", ") last } { last = $0 } END { print said (said == "" ? "" : " and ") last }' "$1"; }
# How infrakt opens a port; 443 with UDP, for HTTP/3.
opening() { if [ "$1" = 443 ]; then echo 443; else echo "$1/tcp"; fi; }

command -v ufw >/dev/null || install_packages ufw

# What is there: is it on, does it keep out who is not named, and what has a person set for these ports?
policy=$(sed -n 's/^DEFAULT_INPUT_POLICY="*\([A-Z]*\).*/\1/p' /etc/default/ufw | tail -n 1)
case $policy in DROP | REJECT) keeps_out=yes ;; *) keeps_out='' ;; esac
if LC_ALL=C ufw status | grep -q '^Status: active'; then wall=${keeps_out:+up} wall=${wall:-down}; else wall=off; fi
ufw_rules >"$tmp/rules"
: >"$tmp/open"
allow='' ourself=''
for port in $({ echo "$ssh_ports" && echo 80 && echo 443; } | sort -un); do
  rules_for "$port" <"$tmp/rules" >"$tmp/of_port"
  needed=no name=$port
  [ "$port" != "$SSH_PORT" ] || needed=yes
  if echo "$ssh_ports" | grep -qx "$port"; then name="$port (SSH)"; fi
  follows=$(what_follows "$wall" "$needed" <"$tmp/of_port")
  case $follows in
  open) echo "$name" >>"$tmp/open" ;;
  allow)
    echo "$name" >>"$tmp/open"
    allow="$allow $port"
    ;;
  keep | ourself)
    cut -f 2 "$tmp/of_port" >"$tmp/own"
    echo "$name (\`$(listed "$tmp/own")\`)" >>"$tmp/kept"
    echo "what you have set for port $name stays: $(listed "$tmp/own"); infrakt would have set \`ufw allow $(opening "$port")\`"
    [ "$follows" = keep ] || ourself=$port
    ;;
  esac
done
lets_in=$(listed "$tmp/open")
[ ! -e "$tmp/kept" ] || lets_in="${lets_in:-only what you have set}; your rules stay for $(listed "$tmp/kept")"

if [ "$wall" = up ] && [ -z "$allow" ]; then
  facts
  already "ufw is active and lets in $lets_in"
fi

# 1. Keep what is there. In place in one move: half a copy is never restored from.
rm -rf "$undo" "$undo.t"
mkdir -m 0700 "$undo.t"
cp -a /etc/ufw "$undo.t/etc-ufw"
cp -a /etc/default/ufw "$undo.t/etc-default-ufw"
if LC_ALL=C ufw status | grep -q '^Status: active'; then : >"$undo.t/was-on"; fi
cat >"$undo.t/undo" <<'UNDO'
# Puts the firewall back as it was: nobody said that the server can still be reached.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
dir=${0%/*} unit=infrakt-firewall-undo
ufw --force disable
cp -a "$dir/etc-ufw/." /etc/ufw/ && cp -a "$dir/etc-default-ufw" /etc/default/ufw
[ ! -e "$dir/was-on" ] || ufw --force enable || exit 1
rm -f "$dir/armed"
systemctl disable "$unit.timer" 2>/dev/null
rm -f "/etc/systemd/system/$unit.timer" "/etc/systemd/system/$unit.service"
sync
systemctl daemon-reload
systemctl stop "$unit.timer" 2>/dev/null
exit 0
UNDO
: >"$undo.t/armed"
sync "$undo.t"/* "$undo.t"
mv -T "$undo.t" "$undo"

# 2. Arm. Enabled, not transient: at a boot its clock starts anew.
cat >"/etc/systemd/system/$unit.service" <<UNIT
[Unit]
Description=Put the firewall back as it was before infrakt changed it
[Service]
Type=oneshot
ExecStart=/bin/sh $undo/undo
UNIT
cat >"/etc/systemd/system/$unit.timer" <<UNIT
[Unit]
Description=Unless somebody confirms that this server can still be reached
[Timer]
OnActiveSec=$UNDO_S
AccuracySec=1
[Install]
WantedBy=timers.target
UNIT
systemctl daemon-reload
systemctl enable "$unit.timer"
sync
systemctl start "$unit.timer"

# 3. Apply: first who may come in, then the wall. Behind what is there: the first rule that fits counts.
for port in $allow; do ufw allow "$(opening "$port")"; done
if [ "$ourself" ] && [ "$SSH_CLIENT_ADDRESS" ]; then
  echo "your rules for port $ourself may shut infrakt out: only the address it comes from, $SSH_CLIENT_ADDRESS, is let in before them"
  ufw prepend allow from "$SSH_CLIENT_ADDRESS" to any port "$ourself" proto tcp
fi
[ "$keeps_out" ] || ufw default deny incoming
ufw --force enable

# 4. Ask for a new connection. What was confirmed before the wall stood proves nothing.
rm -f "$INFRAKT_CONFIRM"
say confirm "$CONFIRM_S"
end=$(($(seconds) + CONFIRM_S))
until [ -e "$INFRAKT_CONFIRM" ]; do
  if [ "$(seconds)" -ge "$end" ] || [ ! -e "$undo/armed" ]; then
    systemctl stop "$unit.timer"
    [ ! -e "$undo/armed" ] || sh "$undo/undo"
    rm -rf "$undo"
    fail transient firewall_not_confirmed "no new connection reached $SERVER through its new firewall within $CONFIRM_S s: it is as it was before" "look for another firewall in front of the server"
  fi
  sleep 0.2
done

# 5. Disarm. The clock is stopped first, so that it cannot strike in between.
systemctl stop "$unit.timer"
[ -e "$undo/armed" ] || fail transient firewall_not_confirmed "$SERVER put its firewall back before the confirmation came"
rm -f "$undo/armed"
systemctl disable "$unit.timer"
rm -f "/etc/systemd/system/$unit.timer" "/etc/systemd/system/$unit.service"
systemctl daemon-reload
rm -rf "$undo"
sync
facts
note "ufw lets in $lets_in"
