# The container that is to answer: of the version that is there, not of this job.
main_container() {
  main=$(listed -a --no-trunc --filter "label=com.docker.compose.service=$SERVICE" | head -n 1)
  [ "$main" ] || main=$(all_mine | head -n 1)
  echo "$main"
}
made() { all_mine; }
need_docker
if [ "$WANTED" = no ] && [ -z "$(mine)" ]; then already "$APP is stopped"; fi
# One that was not replaced may have been restarted by docker long ago.
main=$(main_container)
if [ "$main" ] && ran_before | grep -qxF "$main"; then
  restarts_before=$(docker inspect -f '{{.RestartCount}}' "$main")
fi
if [ "$CHECK" = runs ] || [ "$kind" != release ]; then
  [ "$main" ] || fail permanent container_gone "the containers of $APP were removed by somebody else"
  end=$(($(seconds) + HEALTH_TIMEOUT))
  # Twice in a row: one that ends at once is seen.
  good=0
  while :; do
    ids=$(all_mine)
    # shellcheck disable=SC2086
    docker inspect -f '{{.State.Status}} {{.State.ExitCode}} {{if .State.Health}}{{.State.Health.Status}}{{end}} {{.Name}}' $ids >"$tmp/states" || :
    bad=$(awk '!($1 == "running" && $3 != "starting" && $3 != "unhealthy") && !($1 == "exited" && $2 == 0)' "$tmp/states")
    if [ -z "$bad" ] && grep -q '^running' "$tmp/states"; then
      good=$((good + 1))
      if [ $good -ge 3 ]; then
        note "$(grep -c '^running' "$tmp/states") running"
        exit 0
      fi
    else
      good=0
    fi
    [ "$(seconds)" -lt "$end" ] || break
    sleep 0.5
  done
  SERVICE=$APP last_lines "$main"
  cat "$tmp/states"
  fail permanent not_running "$APP does not run on $SERVER within $HEALTH_TIMEOUT s" "its last lines are in the log"
fi

