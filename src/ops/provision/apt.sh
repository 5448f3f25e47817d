# What the steps that install packages share.
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none UCF_FORCE_CONFFOLD=1

# Before anything is changed: is this a system that we know?
os='' os_version='' codename=''
if [ -r /etc/os-release ]; then
  os=$(. /etc/os-release && echo "${ID:-}")
  os_version=$(. /etc/os-release && echo "${VERSION_ID:-}")
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
fi
case $os in
debian | ubuntu) ;;
*) fail permanent unsupported_system "$SERVER runs ${os:-an unknown system}: infrakt provisions Debian and Ubuntu; nothing was changed" ;;
esac
command -v apt-get >/dev/null || fail permanent unsupported_system "$SERVER has no apt-get: infrakt provisions Debian and Ubuntu; nothing was changed"
[ -d /run/systemd/system ] || fail permanent unsupported_system "$SERVER was not started by systemd, which infrakt needs; nothing was changed"

# Runs a command of apt or dpkg, and waits for whoever holds their locks; says so at once, and then once a minute.
with_lock() {
  begun=$(seconds) told=
  while :; do
    code=0
    LC_ALL=C "$@" 2>"$tmp/apt" || code=$?
    if [ "$code" = 0 ] || ! grep -Eq 'ould not get lock|nable to (acquire|lock)|is locked by another process|lock was locked' "$tmp/apt"; then
      cat "$tmp/apt" >&2
      return "$code"
    fi
    holder=$(sed -n 's/.*held by process \([0-9]*\) (\(.*\)).*/\2 (pid \1)/p; s/.*lock was locked by \(.*\) process with pid \([0-9]*\).*/\1 (pid \2)/p' "$tmp/apt" | head -n 1)
    waited=$(($(seconds) - begun))
    [ "$waited" -lt 900 ] || fail transient apt_locked "another program has held the package manager's lock on $SERVER for 15 minutes${holder:+: $holder}" "see what it does with \`ps aux | grep -e apt -e dpkg\` there; when it has ended, provision again"
    if [ "$told" != "$holder $((waited / 60))" ]; then
      told="$holder $((waited / 60))"
      echo "waiting for another program that installs packages${holder:+: $holder}"
    fi
    sleep 2
  done
}
# apt-get as we want it: changed config files stay, nothing is removed, ever. Its own waiting would say nothing of ours, once a second.
apt() {
  with_lock apt-get -q -y --no-remove -o DPkg::Lock::Timeout=0 -o Dpkg::Use-Pty=0 -o Acquire::Retries=2 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
# A full disk is named before anything else that apt makes of it.
disk_trouble() {
  why=$(sed -n "s/.*enough free space in \(.*\)\/\.$/\1/p; s/.*[Nn]o space left on device.*/see \`df -h\`/p" "$tmp/apt" | head -n 1)
  [ -z "$why" ] || fail permanent disk_full "the disk of $SERVER is full ($why)" "free some space there and provision again; what was begun is then finished"
}
candidate() { LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -vxF '(none)' || :; }
installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

# Somebody pulled the plug while packages were being installed: finish that first.
repair() {
  if dpkg-query -W -f '${db:Status-Status} ${db:Status-Eflag}\n' | grep -Eq '^(half-|unpacked|triggers-)|reinstreq' ||
    [ -n "$(ls /var/lib/dpkg/updates 2>/dev/null)" ]; then
    echo "an installation was interrupted: finishing it"
    with_lock dpkg --configure -a --force-confdef --force-confold || :
    apt -f install || {
      disk_trouble
      fail permanent dpkg_broken "the packages on $SERVER are half installed, and apt-get cannot repair them" "see what \`dpkg --audit\` and \`apt-get -f install\` say there"
    }
  fi
}
# install PACKAGE…: without what they merely recommend.
install_packages() {
  repair
  apt install --no-install-recommends "$@" && return 0
  disk_trouble
  if grep -Eq 'Failed to fetch|Unable to fetch|Temporary failure|Could not resolve' "$tmp/apt"; then
    fail transient packages_unreachable "the package servers of $SERVER do not answer" "see what \`apt-get update\` says there"
  fi
  if grep -q 'Packages need to be removed' "$tmp/apt"; then
    fail permanent packages_conflict "$* cannot be installed without removing other packages, and infrakt removes nothing" "see what \`apt-get install $*\` would remove on $SERVER"
  fi
  fail permanent packages_failed "$* cannot be installed: $(grep '^E: ' "$tmp/apt" | head -n 1)" "see what \`apt-get install $*\` says on $SERVER"
}

# Whether a URL can be had the way apt would (its proxy settings included), before anything is installed: a bare server has neither
# curl nor certificates, and what comes is thrown away, so that nobody is trusted here.
answers() {
  timeout 40 /usr/lib/apt/apt-helper -o Acquire::Retries=0 -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10 \
    -o Acquire::https::Verify-Peer=false -o Acquire::https::Verify-Host=false download-file "$1" "$tmp/answer" >/dev/null 2>&1
}
# add_source NAME URL KEY_URL SUITE COMPONENT: a vendor's repository; taken back when apt cannot read it.
add_source() {
  list=/etc/apt/sources.list.d/$1.list key=/etc/apt/keyrings/$1.asc
  install_packages ca-certificates
  mkdir -p /etc/apt/keyrings
  timeout 60 /usr/lib/apt/apt-helper -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10 download-file "$3" "$tmp/key" || return 1
  install -m 0644 "$tmp/key" "$key"
  printf 'deb [arch=%s signed-by=%s] %s %s %s\n' "$(dpkg --print-architecture)" "$key" "$2" "$4" "$5" >"$list"
  apt update -o Dir::Etc::sourcelist="$list" -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 -o APT::Update::Error-Mode=any && return 0
  rm -f "$list" "$key"
  return 1
}
# Waits until a command says yes, at most so many seconds.
until_ok() {
  end=$(($(seconds) + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(seconds)" -lt "$end" ] || return 1
    sleep 0.5
  done
}
running() { systemctl -q is-active "$1" && systemctl -q is-enabled "$1"; }

