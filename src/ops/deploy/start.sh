# start: the new containers in the place of the old ones; they must still run a moment later.
need_docker
[ -e "$release/infrakt.yml" ] || fail permanent release_gone "$release on $SERVER was removed" "deploy again"

# Another port may have been drawn since the file was staged.
chmod 0700 "$release"
(umask 077 && if [ "${USERS_FILE:-}" ]; then put_override "$release"; else put "$release/docker-compose.yml" "$COMPOSE"; fi)

# Whether the version before runs, looked at once: a second run of this step would see its own work.
if [ ! -e "$release/before" ]; then
  if [ "$(in_project -q)" ]; then was=running; elif [ "$(in_project -aq)" ]; then was=stopped; else was=none; fi
  # The first release's files name images by tag, and `fetch` may just have moved it: what runs is kept by id, for the way back.
  if [ ! -e "$app_dir/current" ]; then
    put "$release/before.yml" "$(in_project -aq | xargs -r docker inspect -f '  "{{index .Config.Labels "com.docker.compose.service"}}": {image: "{{.Image}}"}' | sort -u | sed '1i services:')"
  fi
  {
    in_project -aq
    in_other_projects | cut -d' ' -f1
  } >"$tmp/ids"
  keep_volumes "$release" "$tmp/ids"
  in_project -aq | volumes_of | volumes_file >"$release/before-kept.yml"
  # Where it answered: others may have known the way.
  first_release_containers | cut -d' ' -f1 | xargs -r docker inspect -f '{{range .HostConfig.PortBindings}}{{range .}}{{println .HostPort}}{{end}}{{end}}' | grep . | sort -u >"$release/ports.before" || :
  docker network ls -q --no-trunc --filter "label=com.docker.compose.project=$PROJECT" >"$tmp/networks"
  put "$release/networks.before" "$(cat "$tmp/networks")"
  put "$release/before" "$was"
fi
if [ "$(first_release_containers)" ]; then
  note "takes the place of what the first release started"
  while read -r port; do
    [ "$port" = "$HOST_PORT" ] || echo "$APP answered on port $port of $SERVER; from now on it is 127.0.0.1:$HOST_PORT"
  done <"$release/ports.before"
fi
make_way

# port_user ADDRESS PORT: who listens there, other than this app.
port_user() {
  [ -z "$(in_project -q --filter "publish=$2")" ] || return 0
  command -v ss >/dev/null || return 0
  ss -Hltnp "sport = :$2" 2>/dev/null | awk -v address="$1" '
    { at = $4; sub(/:[0-9]+$/, "", at); sub(/%.*/, "", at); gsub(/[][]/, "", at) }
    at ~ /^(0\.0\.0\.0|\*|::)$/ || address ~ /^(|0\.0\.0\.0|::)$/ || at == address {
      who = "somebody"; if (match($0, /"[^"]*",pid=[0-9]+/)) { who = substr($0, RSTART + 1, RLENGTH - 1); sub(/",pid=/, " (pid ", who); who = who ")" }
      print who; exit
    }'
}
who=$(port_user 127.0.0.1 "$HOST_PORT")
[ -z "$who" ] || fail transient port_taken "port $HOST_PORT on $SERVER is used by $who"
if [ "$PUBLISH_PORT" ]; then
  who=$(port_user "$PUBLISH_ADDRESS" "$PUBLISH_PORT")
  [ -z "$who" ] || fail permanent published_port_taken "port $PUBLISH_PORT on $SERVER is used by $who" "stop that, or publish another port with \`infrakt app edit $APP --publish\`"
fi

# A run of this step that was cut off (a reboot) may have left a container under compose's name for the time between, over which
# compose itself stumbles. While the one that it replaces is there it is made anew; otherwise it is the only one, data and all.
in_project -a --format '{{.ID}} {{.Names}}' | while read -r id name; do
  final=$(echo "$name" | sed -n 's/^[0-9a-f]\{12\}_//p')
  [ "$final" ] || continue
  if docker container inspect "$final" >/dev/null 2>&1; then docker rm -f "$id"; else docker rename "$id" "$final"; fi >/dev/null
done

# Seen as it comes, and kept to find out why.
{
  code=0
  bring_release "$release" 2>&1 || code=$?
  echo "$code" >"$tmp/code"
} | tee "$tmp/up"
[ "$(cat "$tmp/code")" = 0 ] || {
  why=$(tail -n 1 "$tmp/up" | sed 's/^Error response from daemon: //')
  case $(cat "$tmp/up") in
  *"port is already allocated"* | *"address already in use"*)
    # Docker names the port that it could not have.
    case $(cat "$tmp/up") in
    *":$HOST_PORT failed"* | *":$HOST_PORT:"* | *":$HOST_PORT "*) fail transient port_taken "port $HOST_PORT on $SERVER was taken meanwhile" ;;
    esac
    fail permanent published_port_taken "a published port on $SERVER is taken: $why" "publish another port with \`infrakt app edit $APP --publish\`"
    ;;
  *"No such image"* | *"no such image"*) fail permanent image_gone "the image was removed from $SERVER meanwhile: $why" "deploy again" ;;
  *"Cannot connect to the Docker daemon"* | *"error during connect"* | *"Is the docker daemon running"* | *EOF*)
    fail transient docker_down "docker on $SERVER does not answer" "see \`systemctl status docker\` there" ;;
  *"no space left"*) fail permanent disk_full "the disk of $SERVER is full" "\`docker system df\` shows what docker keeps there" ;;
  esac
  fail permanent start_failed "docker cannot start $APP: $why"
}

# Whoever ends at once ends now: the health check would only say that nobody answers.
container=$(main_container)
[ "$container" ] || fail permanent container_gone "docker started no container for $SERVICE"
for _ in 1 2 3 4 5 6; do
  main_runs "$container" "right after its start"
  others_run "right after its start" || :
  sleep 0.25
done
