
# What the steps of a database share: its volume.
volume_there() { docker volume inspect "$1" >/dev/null 2>&1; }
# The mark of the password that the data was made with, as the volume's label says it. One of the first release has none.
volume_mark() { docker volume inspect -f '{{with .Labels}}{{index . "infrakt.secret"}}{{end}}' "$1" 2>/dev/null; }
has_our_mark() { [ "$SECRET_MARK" ] && [ "$(volume_mark "$1")" = "$SECRET_MARK" ]; }
