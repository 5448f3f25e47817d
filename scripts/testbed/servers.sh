# The life of a server: create, start, find, reset, remove. Sourced by scripts/testserver.

container_of() { echo "$PREFIX-$SCOPE-$1"; }

# The container's id, or the end with a clear word
server_id() {
  local id
  id=$(D ps -aq --no-trunc --filter "label=infrakt.testbed.scope=$SCOPE" --filter "label=infrakt.testbed.name=$1")
  [ -n "$id" ] || die "there is no server '$1' (scope $SCOPE)"
  echo "$id"
}

label_of() { D inspect -f "{{index .Config.Labels \"infrakt.testbed.$2\"}}" "$1"; }

server_up() {
  local name=$1 kind=$2 id state
  [[ $name =~ ^[a-z0-9][a-z0-9-]*$ ]] || die "a server's name is made of a-z, 0-9 and -"
  start_daemon
  ensure_key
  ensure_image "$kind"
  id=$(D ps -aq --no-trunc --filter "label=infrakt.testbed.scope=$SCOPE" --filter "label=infrakt.testbed.name=$name")
  if [ -n "$id" ]; then
    [ "$(label_of "$id" kind)" = "$kind" ] || die "a server '$name' is there already, of another kind"
    state=$(D inspect -f '{{.State.Status}}' "$id")
    if [ "$state" = paused ]; then D unpause "$id" >/dev/null; fi
    if [ "$state" != running ] && [ "$state" != paused ]; then D start "$id" >/dev/null; fi
  else
    id=$(create_server "$name" "$kind" "$(image_name "$kind")")
    authorise_key "$id"
    D start "$id" >/dev/null
  fi
  wait_until 120 "sshd on $name" ssh_answers "$(label_of "$id" port)" || die "the server does not come up: docker logs $id"
  if [ "$kind" != bare ]; then
    wait_until 120 "docker on $name" inner_docker_answers "$id"
    D exec "$id" /opt/testbed/load-images
  fi
  server_info "$name"
}

ensure_key() { [ -e "$KEY" ] || with_lock key make_key; }
make_key() { [ -e "$KEY" ] || { ssh-keygen -q -t ed25519 -N '' -C infrakt-testbed -f "$KEY.new" && mv "$KEY.new.pub" "$KEY.pub" && mv "$KEY.new" "$KEY"; }; }

# Three ports on loopback for ssh, http and https; they stay the same over reboots.
create_server() {
  local name=$1 kind=$2 image=$3 port try id
  for try in 1 2 3 4 5 6 7 8 9 10; do
    port=$(shuf -i 2200-3199 -n 1)0
    if ss -Hltn "( sport >= :$port and sport <= :$((port + 2)) )" | grep -q .; then continue; fi
    if id=$(D create --name "$(container_of "$name")" --hostname "$name" --restart always --stop-signal SIGRTMIN+3 \
      --label infrakt.testbed=server --label "infrakt.testbed.scope=$SCOPE" --label "infrakt.testbed.name=$name" \
      --label "infrakt.testbed.kind=$kind" --label "infrakt.testbed.port=$port" \
      $(container_rights) --tmpfs /run:exec,mode=755 --tmpfs /run/lock --tmpfs /tmp:exec,mode=1777 -v /var/lib/docker \
      -e container=docker -p "127.0.0.1:$port:22" -p "127.0.0.1:$((port + 1)):80" -p "127.0.0.1:$((port + 2)):443" \
      "$image" /sbin/init); then
      echo "$id"
      return
    fi
    die "the container of '$name' could not be created"
  done
  die "no free ports found (tried $try times)"
}

# What systemd and docker need in a container. --privileged is the simple way; machines that lack a capability
# themselves refuse it, there the needed ones are named.
container_rights() {
  local caps=(SYS_ADMIN NET_ADMIN SYS_PTRACE SYSLOG MAC_ADMIN IPC_LOCK SYS_NICE LEASE LINUX_IMMUTABLE DAC_READ_SEARCH) cap
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    echo --privileged --cgroupns private
    return
  fi
  for cap in "${caps[@]}"; do echo "--cap-add $cap"; done
  echo "--cgroupns host --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined"
  echo "-v /sys/fs/cgroup:/sys/fs/cgroup:rw -e SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"
}

# The key of this machine's testbed for root, admin and plain, put there before the first boot
authorise_key() {
  local dir home
  dir=$(mktemp -d "$TB/keys.XXXXXX")
  for home in root home/admin home/plain; do
    mkdir -p -m 700 "$dir/$home/.ssh"
    cp "$KEY.pub" "$dir/$home/.ssh/authorized_keys"
    chmod 600 "$dir/$home/.ssh/authorized_keys"
  done
  tar -C "$dir" -c --owner=0 --group=0 root/.ssh | D cp - "$1:/"
  tar -C "$dir" -c --owner=1000 --group=1000 home/admin/.ssh | D cp - "$1:/"
  tar -C "$dir" -c --owner=1001 --group=1001 home/plain/.ssh | D cp - "$1:/"
  rm -rf "$dir"
}

# sshd's greeting: a connection alone proves nothing, docker's proxy accepts for a dead server too.
ssh_answers() {
  local line=
  { exec 9<>"/dev/tcp/127.0.0.1/$1" && IFS= read -r -t 2 line <&9; } 2>/dev/null || true
  exec 9>&- 2>/dev/null || true
  [[ $line == SSH-* ]]
}

server_booted() { [[ $(D exec "$1" systemctl is-system-running 2>/dev/null) =~ running|degraded ]]; }
inner_docker_answers() { D exec "$1" docker version >/dev/null 2>&1; }

server_info() {
  local id port
  id=$(server_id "$1")
  port=$(label_of "$id" port)
  cat <<INFO
NAME=$1
KIND=$(label_of "$id" kind)
HOST=127.0.0.1
PORT=$port
HTTP_PORT=$((port + 1))
HTTPS_PORT=$((port + 2))
USER=root
KEY=$KEY
CONTAINER=$id
INFO
}

server_ssh_config() {
  local id port user
  id=$(server_id "$1")
  port=$(label_of "$id" port)
  for user in root admin plain; do
    cat <<CONF
Host $1$([ $user = root ] || echo "-$user")
  HostName 127.0.0.1
  Port $port
  User $user
  IdentityFile $KEY
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
CONF
  done
}

server_list() {
  D ps -a --filter "label=infrakt.testbed.scope=$SCOPE" \
    --format '{{.Label "infrakt.testbed.name"}}	{{.Label "infrakt.testbed.kind"}}	{{.State}}	{{.Label "infrakt.testbed.port"}}' | sort
}

server_exec() {
  local id
  id=$(server_id "$1")
  shift
  D exec -i "$id" "$@"
}

server_samples() {
  local id
  id=$(server_id "$1")
  ! D exec "$id" test -e /opt/testbed/ready || return 0
  D exec "$id" rm -rf /opt/testbed
  D cp "$SAMPLES" "$id:/opt/testbed"
  quietly D exec "$id" sh -eu /opt/testbed/setup.sh || die "the samples could not be put on $1"
}

server_reset() { D exec -i "$(server_id "$1")" sh -eu -s <"$HERE/testbed/reset.sh"; }

server_down() { remove_containers --filter "label=infrakt.testbed.scope=$SCOPE" --filter "label=infrakt.testbed.name=$1"; }

remove_containers() {
  local id
  for id in $(D ps -aq "$@"); do
    D unpause "$id" >/dev/null 2>&1 || true
    D rm -fv "$id" >/dev/null
  done
}

testbed_clean() {
  if daemon_answers; then
    if [ "$1" = --all ]; then
      remove_containers --filter label=infrakt.testbed
    else
      remove_containers --filter "label=infrakt.testbed.scope=$SCOPE"
    fi
    if [ "$1" = --all ] && [ -z "$PRIVATE" ]; then
      D image prune -af --filter label=infrakt.testbed.image >/dev/null
    fi
  fi
  with_lock daemon stop_daemon_if_idle
  if [ "$1" = --all ]; then as_root rm -rf "$TB"; fi
}
