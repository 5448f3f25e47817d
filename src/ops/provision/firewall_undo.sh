# undo firewall: puts the firewall back if nobody confirmed it. One that was confirmed stays.
[ -e "$state/firewall/armed" ] || already "nothing is left unconfirmed"
sh "$state/firewall/undo"
rm -rf "$state/firewall"
note "the firewall is as it was before"
