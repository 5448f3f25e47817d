# The version of the app that is there, whoever put it there: the release that `current` leads to, or the first release's files.
current=$(readlink "$app_dir/current" 2>/dev/null || :)
there=
if [ "$current" ] && [ -e "$app_dir/$current/infrakt.yml" ]; then
  kind=release there=$app_dir/$current
elif [ -f "$app_dir/docker-compose.yml" ] && [ ! -L "$app_dir/docker-compose.yml" ]; then
  kind=first there=$app_dir
elif [ -f "$app_dir/repo/docker-compose.yml" ]; then
  kind=first there=$app_dir/repo
else
  kind=none
fi

# Of a user's file the release knows which service it is.
[ "$kind" != release ] || ! users_file "$there" || SERVICE=$(cat "$there/main")

# A folder of another infrakt is not touched.
not_foreign() {
  [ "$kind" = release ] || return 0
  owner=$(sed -n 's/^ *infrakt\.installation: *"\{0,1\}\([^"]*\)"\{0,1\} *$/\1/p' "$there/infrakt.yml" | head -n 1)
  [ -z "$owner" ] || [ "$owner" = "$INSTALLATION" ] ||
    fail permanent foreign_app "$app_dir on $SERVER belongs to another infrakt ($owner)" "nothing was changed"
}
# listed FLAGS OF docker ps: the app's containers. Those of the first release are told by the folder that they came from: its compose
# projects hold several apps' containers, and the app's may be in another one than the app has here.
shown='{{.ID}}|{{.Label "infrakt.installation"}}|{{.Label "infrakt.app"}}|{{.Label "com.docker.compose.project.working_dir"}}'
listed() {
  {
    docker ps "$@" --filter "label=com.docker.compose.project=$PROJECT" --format "$shown"
    for from in "$app_dir" "$app_dir/repo"; do
      docker ps "$@" --filter "label=com.docker.compose.project.working_dir=$from" --format "$shown"
    done
  } | awk '!seen[$0]++' | while IFS='|' read -r id owner app dir; do
    case $owner in
    "$INSTALLATION") [ "$app" != "$APP" ] || echo "$id" ;;
    '') case $dir/ in "$app_dir"/*) echo "$id" ;; esac ;;
    esac
  done
}
mine() { listed --no-trunc; }
all_mine() { listed -a --no-trunc; }
# elsewhere: whether the first release has them in a compose project that is not this app's own. With the app's own compose would make
# them a second time, and with that one it would take other apps' containers for ours.
elsewhere() {
  [ "$kind" = first ] || return 1
  all_mine | xargs -r docker inspect -f '{{index .Config.Labels "com.docker.compose.project"}}' | grep -qvxF -e "$PROJECT"
}
# now …: compose with the files of the version that is there.
now() {
  case $kind in
  release)
    # The main service of a user's file joins the network of all apps when its container is made and before it starts.
    if [ "$1" = up ] && users_file "$there"; then
      again=
      case " $* " in *" --no-recreate "*) again=--no-recreate ;; esac
      compose "$there" up --no-start --pull never --no-build ${again:+"$again"} || return
      join "$there" || return
    fi
    compose "$there" "$@" ;;
  first) (
    cd "$there"
    set -- -f docker-compose.yml "$@"
    [ "$there" = "$app_dir" ] || [ ! -e "$app_dir/.env" ] || set -- --env-file "$app_dir/.env" "$@"
    env -i PATH="$PATH" HOME="$HOME" LC_ALL=C.UTF-8 docker compose --ansi never -p "$PROJECT" "$@"
  ) ;;
  esac
}
# What ran when this job began, looked at once: a second run of a step would see its own work.
before=$app_dir/before
began_here() { [ "$(head -n 1 "$before" 2>/dev/null)" = "$JOB" ]; }
keep_before() {
  [ -d "$app_dir" ] || install -d -m 0755 "$app_dir"
  began_here || (umask 077 && put "$before" "$JOB
$(mine)
")
}
ran_before() { ! began_here || sed '1d; /^$/d' "$before"; }
serving() {
  sleep 1
  if [ "$(mine)" ]; then say serving yes; else say serving no; fi
}
# bring_up …: the version that is there, from what is on the server alone. Seen as it comes, and kept to find out why.
bring_up() {
  {
    code=0
    if elsewhere; then all_mine | xargs docker start 2>&1 >/dev/null || code=$?; else now up "$@" --pull never --no-build 2>&1 || code=$?; fi
    echo "$code" >"$tmp/code"
  } | tee "$tmp/up"
  [ "$(cat "$tmp/code")" != 0 ] || return 0
  why=$(tail -n 1 "$tmp/up" | sed 's/^Error response from daemon: //')
  case $(cat "$tmp/up") in
  *"port is already allocated"* | *"address already in use"*)
    fail permanent port_in_use "a port of $APP on $SERVER is taken by somebody else: $why" "$ANEW draws another" ;;
  *"No such image"* | *"no such image"*)
    fail permanent image_gone "an image of $APP was removed from $SERVER: $why" "$ANEW brings it back" ;;
  *"Cannot connect to the Docker daemon"*) fail transient docker_down "docker on $SERVER does not answer" ;;
  *"no space left"*) fail permanent disk_full "the disk of $SERVER is full" "\`docker system df\` shows what docker keeps there" ;;
  esac
  fail permanent start_failed "docker cannot start $APP: $why"
}
need_version() {
  [ "$kind" != none ] || fail permanent not_deployed "there is no version of $APP on $SERVER" "$ANEW puts one there"
}

