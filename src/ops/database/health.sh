
# health: the database must answer a query.
need_docker
container=$(main_container)
[ "$container" ] || fail permanent container_gone "the container of $APP was removed by somebody else"
await_answer "$container"
note "answers a query on its port $PORT"
