# health: the app must be seen to answer, while its container goes on running. Some end seconds after their first good answer (a
# database that is not there, a cache that warms up): it counts once it is given some seconds into this step.
need_docker
container=$(main_container)
[ "$container" ] || fail permanent container_gone "the container of $APP was removed by somebody else"
begun=$(seconds)
end=$((begun + HEALTH_TIMEOUT))

# Bash's own sockets: a server may have neither curl nor wget.
# shellcheck disable=SC2016
ask='exec 4<>"/dev/tcp/127.0.0.1/$1" &&
  printf "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nUser-Agent: infrakt\r\nAccept: */*\r\nConnection: close\r\n\r\n" "$2" "$1" >&4 &&
  IFS= read -r line <&4 && printf "%s\n" "$line"'
http_status() { timeout 10 bash -c "$ask" bash "$HOST_PORT" "$HEALTH_PATH" 2>/dev/null | sed -n 's|^HTTP/[0-9.]* \([0-9][0-9][0-9]\).*|\1|p'; }
# Inside: docker's proxy takes every connection to the port outside, whether anybody listens or not.
port_answers() {
  address=$(docker inspect -f "{{with index .NetworkSettings.Networks \"$network\"}}{{.IPAddress}}{{end}}" "$container" 2>/dev/null) || return 1
  [ "$address" ] || return 1
  # shellcheck disable=SC2016
  timeout 5 bash -c 'exec 4<>"/dev/tcp/$1/$2"' bash "$address" "$PORT" 2>/dev/null
}
# What the image's own HEALTHCHECK says, if it has one.
own_check() { docker inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{end}}' "$container" 2>/dev/null || :; }

# Said once it has held for long enough, and the app's other containers run too.
good() {
  others_run "before $APP was ready" || return 0
  answered=yes
  [ $(($(seconds) - begun)) -ge "${SETTLE:-0}" ] || return 0
  keep_up "$release"
  note "$1"
  exit 0
}

seen=nothing when="before it answered"
while :; do
  main_runs "$container" "$when"
  own=$(own_check) answered=
  if [ "$HEALTH_PATH" ]; then
    status=$(http_status)
    case $status in
    [23]??) [ "$own" = unhealthy ] || good "$status from http://127.0.0.1:$HOST_PORT$HEALTH_PATH" ;;
    esac
    [ -z "$status" ] || seen="$status"
  elif port_answers; then
    seen=port
    case $own in
    '' | healthy) good "port $PORT answers${own:+, and the check of the image says healthy}" ;;
    esac
  fi
  [ -z "$answered" ] || when="seconds after it had answered"
  if [ -z "$answered" ] && [ "$(seconds)" -ge "$end" ]; then break; fi
  sleep 0.3
done
if [ "$seen" = port ] && [ "$own" = starting ] && others_run "before $APP was ready"; then
  keep_up "$release"
  note "port $PORT answers; the check of the image has not ended yet"
  exit 0
fi
[ -z "${restless:-}" ] || {
  last_lines "$(project_container "$restless")" "$restless"
  fail permanent service_exited "the service $restless of $APP does not stay up: docker restarts it again and again" "its last lines are in the log"
}
last_lines "$container"
more="give it more time with \`infrakt app edit $APP --health-timeout\`"
[ "$own" != unhealthy ] || {
  echo "the image's own check:"
  docker inspect -f '{{range .State.Health.Log}}{{println .Output}}{{end}}' "$container" | tail -n 5 | sed 's/^/| /'
  fail permanent unhealthy "the health check of $APP's own image says unhealthy" "its last lines are in the log"
}
if [ "$HEALTH_PATH" ] && [ "$seen" != nothing ]; then
  fail permanent unhealthy "$APP answers $HEALTH_PATH with $seen, for $HEALTH_TIMEOUT s" "a status of 200 to 399 is healthy; $more"
fi
fail permanent no_answer "$APP does not answer${HEALTH_PATH:+ $HEALTH_PATH} on its port $PORT within $HEALTH_TIMEOUT s" "it must listen on 0.0.0.0:$PORT, not on localhost; the port is set with \`infrakt app edit $APP --port\`; $more"
