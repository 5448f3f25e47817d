# This operation installs nothing.
command -v caddy >/dev/null || fail permanent no_caddy "$SERVER has no caddy" "\`infrakt server provision $SERVER\` installs it"
