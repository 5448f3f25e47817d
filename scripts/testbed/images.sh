# The images that servers start from, kept in the daemon between runs. Sourced by scripts/testserver.

# A hash of everything an image is made from decides whether it is made anew.
image_key() {
  case $1 in
    bare) declare -f bootstrap apt_settings && cat "$HERE/testbed/image-bare.sh" ;;
    ready) image_key bare && cat "$HERE/testbed/image-ready.sh" && find "$SAMPLES" -type f | LC_ALL=C sort | xargs cat ;;
    databases) image_key ready && cat "$HERE"/testbed/image-databases.sh "$HERE"/testbed/databases/* ;;
    *) die "a server is bare, ready or databases, not '$1'" ;;
  esac | sha256sum | cut -c1-12
}

image_name() { echo "$PREFIX/$1:$(image_key "$1")"; }

ensure_image() {
  local kind=$1 image
  image=$(image_name "$kind")
  has_image "$image" || with_lock "image-$kind" build_image "$kind" "$image"
}

has_image() { D image inspect "$1" >/dev/null 2>&1; }

build_image() {
  local kind=$1 image=$2 began=$SECONDS
  ! has_image "$image" || return 0 # someone else made it while we waited for the lock
  say "making the image $image (once)"
  "build_$kind" "$image"
  # what older versions of the scripts left behind
  D image prune -af --filter label=infrakt.testbed.image --filter until=24h >/dev/null
  say "made $image in $((SECONDS - began)) s"
}

bootstrap() { # FOLDER MIRROR
  as_root find "$1" -mindepth 1 -delete
  as_root debootstrap --variant=minbase \
    --include=openssh-server,systemd,systemd-sysv,dbus,procps,kmod,iproute2,ca-certificates,sudo trixie "$1" ${2:+"$2"}
}

build_bare() {
  local root mirror
  need_image_tools
  mirror=$(debian_mirror)
  root=$(as_root mktemp -d "$TB/root.XXXXXX")
  as_root chmod 755 "$root"
  # Mirrors have bad moments, and debootstrap does not try twice.
  quietly bootstrap "$root" "$mirror" || quietly bootstrap "$root" "$mirror" ||
    { as_root rm -rf "$root"; die "debootstrap of Debian trixie failed"; }
  apt_settings | as_root tee "$root/etc/apt/apt.conf.d/90testbed" >/dev/null
  if ls /usr/local/share/ca-certificates/*.crt >/dev/null 2>&1; then
    as_root cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
  fi
  as_root cp "$HERE/testbed/image-bare.sh" "$root/tmp/"
  # The caller's folder for temporary files is not in there.
  quietly as_root env -u TMPDIR -u TMP -u TEMP chroot "$root" sh -eu /tmp/image-bare.sh || { as_root rm -rf "$root"; die "the bare image could not be made"; }
  as_root rm -f "$root/tmp/image-bare.sh"
  as_root tar -C "$root" -c . | D import --change 'LABEL infrakt.testbed.image=bare' - "$1" >/dev/null
  as_root rm -rf "$root"
}

# Made on a living server: packages are set up by their own scripts, with systemd there.
build_ready() {
  ensure_image bare
  make_on_server bare ready "$1" ready_prepare
}

ready_prepare() { D cp "$SAMPLES" "$1:/opt/testbed"; }

# The packages are installed in a container beside it: the servers themselves stay as they are.
build_databases() {
  ensure_image ready
  DATABASES_TAR=$(mktemp "$TB/databases.XXXXXX")
  quietly database_packages "$DATABASES_TAR" || { rm -f "$DATABASES_TAR"; die "the databases' packages could not be installed"; }
  make_on_server ready databases "$1" databases_prepare
  rm -f "$DATABASES_TAR"
}

database_packages() {
  D run --rm -i "$(image_name bare)" sh -euc "$(cat "$HERE/testbed/databases/packages.sh")" <"$HERE/testbed/databases/entrypoint.sh" >"$1"
}

databases_prepare() { D cp "$DATABASES_TAR" "$1:/root/databases.tar"; }

# make_on_server BASE KIND IMAGE PREPARE: image-KIND.sh on a server of another kind, kept as an image.
make_on_server() {
  local base=$1 kind=$2 name=build-$2-$$ id
  id=$(create_server "$name" "$base" "$(image_name "$base")")
  # shellcheck disable=SC2064
  trap "D rm -fv $id >/dev/null 2>&1" EXIT
  D start "$id" >/dev/null
  wait_until 120 "systemd in $name" server_booted "$id"
  "$4" "$id"
  D exec -i "$id" sh -c "cat >/root/image-$kind.sh" <"$HERE/testbed/image-$kind.sh"
  quietly D exec "$id" sh -eu "/root/image-$kind.sh" || die "the image $kind could not be made"
  D exec "$id" rm -f "/root/image-$kind.sh"
  D stop -t 20 "$id" >/dev/null
  D commit --change "LABEL infrakt.testbed.image=$kind" "$id" "$3" >/dev/null
  D rm -fv "$id" >/dev/null
  trap - EXIT
}
