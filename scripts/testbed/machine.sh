# What the testbed needs of this machine: its tools, its package mirror, its proxy. Sourced by scripts/testserver.

# Installs what is missing: need_tools COMMAND:PACKAGE…
need_tools() {
  local pair missing=() log
  for pair in "$@"; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "missing here: ${missing[*]} (no apt-get to install them with)"
  [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || die "missing here: ${missing[*]}; run as root or with passwordless sudo to have them installed"
  say "installing ${missing[*]}"
  # No service may start by the installation: the testbed starts its own dockerd, and where init is missing the start fails.
  quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update || true
  quietly as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qy install --no-install-recommends "${missing[@]}" ||
    die "could not install ${missing[*]}"
}

need_server_tools() {
  export PATH=$PATH:/usr/sbin:/sbin
  need_tools ssh:openssh-client ssh-keygen:openssh-client iptables:iptables ip:iproute2 ss:iproute2 nsenter:util-linux flock:util-linux
}

need_image_tools() {
  need_tools debootstrap:debootstrap
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || need_tools debian-archive-keyring:debian-archive-keyring
}

# The Debian mirror that this machine itself uses; nothing where it uses none (debootstrap then takes its default).
debian_mirror() {
  local id=
  [ ! -r /etc/os-release ] || id=$(. /etc/os-release && echo "${ID:-}")
  [ "$id" = debian ] || return 0
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    sed -nE 's/^deb +(\[[^]]*\] +)?([a-z]+:[^ ]+) +[a-z]+ +main.*/\2/p' | grep -v -- -security | head -n 1 >"$TB/mirror"
  [ -s "$TB/mirror" ] || cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -nE 's/^URIs: *([a-z]+:[^ ]+).*/\1/p' | grep -v -- -security | head -n 1 >"$TB/mirror"
  cat "$TB/mirror"
  rm -f "$TB/mirror"
}

# apt settings for servers: patience with the mirror, and what this machine itself needs to reach one (proxy, date checks).
apt_settings() {
  echo 'Acquire::Retries "3";'
  apt-config dump 2>/dev/null | grep -E '^Acquire::((https?|ftp)::Proxy|Check-Valid-Until|Check-Date|ForceIPv4)\b' | grep -v '""' || true
  [ -z "${http_proxy:-}" ] || echo "Acquire::http::Proxy \"$http_proxy\";"
  [ -z "${https_proxy:-}" ] || echo "Acquire::https::Proxy \"$https_proxy\";"
}
