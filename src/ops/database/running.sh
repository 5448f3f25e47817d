
# health: the database that is there must answer a query again.
need_docker
if [ "$WANTED" = no ] && [ -z "$(mine)" ]; then already "$APP is stopped"; fi
container=$(mine -a | head -n 1)
[ "$container" ] || fail permanent container_gone "the container of $APP was removed by somebody else"
# One that was not replaced may have been restarted by docker long ago.
if ran_before | grep -qxF "$container"; then restarts_before=$(docker inspect -f '{{.RestartCount}}' "$container"); fi
await_answer "$container"
note "answers a query on its port $PORT"
