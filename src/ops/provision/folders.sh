# folders: where apps, routes and backups live.
base=/opt/infrakt
wanted() { [ "$(stat -c '%a %U' "$1" 2>/dev/null)" = "$2 root" ]; }
# Caddy, no root, reads its file below; backups are nobody's business.
if wanted $base 755 && wanted $base/apps 755 && wanted $base/caddy 755 && wanted $base/backups 700; then already "$base is there"; fi
install -d -m 0755 -o root -g root $base $base/apps $base/caddy
install -d -m 0700 -o root -g root $base/backups
