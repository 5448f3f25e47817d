# What the steps of a deploy share.
app_dir=/opt/infrakt/apps/$APP
release=$app_dir/releases/$DEPLOYMENT
# The network that every app's main service joins.
network=infrakt

need_docker() {
  command -v docker >/dev/null && docker compose version >/dev/null 2>&1 ||
    fail permanent not_provisioned "$SERVER has no docker with compose" "\`infrakt server provision $SERVER\` installs it"
  docker info >/dev/null 2>"$tmp/info" || {
    sed 's/^/| /' "$tmp/info"
    fail transient docker_down "docker on $SERVER does not answer" "see \`systemctl status docker\` there"
  }
}
# compose RELEASE …: nothing of our environment, and nothing of the app's, steers it.
compose() {
  of=$1
  shift
  # Volumes from the first release.
  [ ! -e "$of/kept.yml" ] || set -- -f "$of/kept.yml" "$@"
  env -i PATH="$PATH" HOME="$HOME" LC_ALL=C.UTF-8 docker compose --ansi never -p "$PROJECT" --project-directory "$of" \
    -f "$of/docker-compose.yml" -f "$of/infrakt.yml" --env-file "$of/compose.env" "$@"
}
# What this very job has made.
made() { docker ps -aq --no-trunc --filter "label=infrakt.job=$JOB" --filter "label=com.docker.compose.project=$PROJECT"; }
main_container() { docker ps -aq --no-trunc --filter "label=infrakt.job=$JOB" --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$SERVICE" | head -n 1; }
in_project() { docker ps "$@" --no-trunc --filter "label=com.docker.compose.project=$PROJECT"; }
# Whether the app's links lead to this very release.
serves() { [ "$(readlink "$app_dir/current" 2>/dev/null)" = "releases/$DEPLOYMENT" ]; }
is_ours() { [ "$(cat "$1/job" 2>/dev/null)" = "$JOB" ]; }
# link TARGET PATH: in one move.
link() {
  ln -sfn "$1" "$2.t"
  mv -fT "$2.t" "$2"
}
# put FILE TEXT: all or nothing.
put() {
  printf %s "$2" >"$1.t"
  sync "$1.t"
  mv -fT "$1.t" "$1"
}
# last_lines CONTAINER [SERVICE]: marked as its own.
last_lines() {
  echo "the last lines of ${2:-$SERVICE}:"
  docker logs --tail 40 "$1" 2>&1 | sed 's/^/| /'
}
# still_runs CONTAINER WHEN: fails if it does not run (any more); restarts by docker count as an end.
still_runs() {
  docker inspect -f '{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}} {{.State.OOMKilled}}' "$1" >"$tmp/container" 2>/dev/null || {
    need_docker
    docker inspect "$1" >/dev/null 2>&1 || fail permanent container_gone "the container of $APP was removed by somebody else"
    return 0
  }
  read -r status restarts code oom <"$tmp/container"
  [ "$status" != running ] || [ "$restarts" != "${restarts_before:-0}" ] || return 0
  # A docker that is being stopped takes all containers with it, and brings them back.
  case $(systemctl is-active docker 2>/dev/null) in
  deactivating | inactive | activating) fail transient docker_down "docker on $SERVER is being restarted" "see \`systemctl status docker\` there" ;;
  esac
  last_lines "$1"
  # While docker waits to start it again the code is that of the last end; once it runs again it is 0, and docker's events know it.
  why="with exit code $code"
  if [ "$status" = running ]; then
    code=$(timeout 10 docker events --since "$(docker inspect -f '{{.Created}}' "$1")" --until "$(date +%s.%N)" --filter "container=$1" --filter event=die --format '{{.Actor.Attributes.exitCode}}' 2>/dev/null | tail -n 1)
    if [ "$code" ]; then why="with exit code $code"; else why="and docker restarted it"; fi
  fi
  [ "$oom" != true ] || fail permanent container_out_of_memory "$APP needs more memory than it may have: it was ended $2" "give it more with \`infrakt app edit $APP --memory\`"
  fail permanent container_exited "$APP ended $why $2" "its last lines are in the log"
}

# A compose file that a user wrote. Such a release has two more files: `main`, the service that has
# port, route and environment; `images`, a line a service with its image by digest or id.
tab=$(printf '\t')
users_file() { [ -s "$1/main" ]; }
# A service that the file itself has docker restart may wait for another one in this way: so often it may end before it counts …
patience=5
# … and so many seconds it must then have run.
calm=3

# Services whose restart policy is infrakt's, since the file has none: in infrakt.yml they are marked by their name.
ours_to_restart() { sed -n 's/^    restart: unless-stopped # //p' "$1/infrakt.yml"; }
project_container() { in_project -aq --filter "label=com.docker.compose.service=$1" | head -n 1; }

# join RELEASE: its main service is known to other apps by the app's name. No other service of it joins: compose would make each
# service's name known there, and two apps with a `db` would get each other's.
join() {
  one=$(project_container "$(cat "$1/main")")
  [ "$one" ] || return 1
  on_network() { [ "$(docker inspect -f "{{with index .NetworkSettings.Networks \"$network\"}}yes{{end}}" "$one")" = yes ]; }
  on_network || docker network connect --alias "$APP" --alias "$APP.$network" "$network" "$one" || on_network
}
# bring_release RELEASE: its containers, in the place of those that run.
bring_release() {
  if users_file "$1"; then
    compose "$1" up --no-start --pull never --no-build --remove-orphans || return
    join "$1" || return
    # Until the verdict an end counts as an end; `keep_up` hands them over to docker. The file stays as it is, so that the next `up`
    # changes nothing.
    for service in $(ours_to_restart "$1"); do
      one=$(project_container "$service")
      [ -z "$one" ] || docker update --restart no "$one" >/dev/null || return
    done
  fi
  compose "$1" up -d --pull never --no-build --remove-orphans
}
# keep_up RELEASE: what still runs is started again by docker from now on; what has done its work and ended is not, now or later.
keep_up() {
  users_file "$1" || return 0
  for service in $(ours_to_restart "$1"); do
    one=$(project_container "$service")
    [ "$one" ] || continue
    if [ "$(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$one")" = 'exited 0' ]; then
      awk -v service="$service" '$0 == "    restart: unless-stopped # " service { $0 = "    restart: \"no\" # " service } { print }' "$1/infrakt.yml" >"$1/infrakt.yml.t"
      chmod 0600 "$1/infrakt.yml.t"
      sync "$1/infrakt.yml.t"
      mv -fT "$1/infrakt.yml.t" "$1/infrakt.yml"
    else
      docker update --restart unless-stopped "$one" >/dev/null || return
    fi
  done
}
# put_override: infrakt.yml, with each service's image in its place.
put_override() {
  [ "$OVERRIDE" ] || fail permanent release_gone "what \`fetch\` found in the compose file of $APP is not known" "deploy again"
  put "$release/infrakt.yml" "$(printf %s "$OVERRIDE" | awk -v images="$release/images" '
    BEGIN { while ((getline line < images) > 0) { split(line, word, "\t"); image[word[1]] = word[2] } }
    match($0, /@image:[^@]*@/) { $0 = substr($0, 1, RSTART - 1) image[substr($0, RSTART + 7, RLENGTH - 8)] substr($0, RSTART + RLENGTH) }
    { print }')
"
}
# main_runs CONTAINER WHEN: as still_runs.
main_runs() {
  if users_file "$release" && ! ours_to_restart "$release" | grep -Fxq "$SERVICE"; then
    docker inspect -f '{{.State.Status}} {{.RestartCount}}' "$1" >"$tmp/container" 2>/dev/null || echo gone 0 >"$tmp/container"
    read -r status restarts <"$tmp/container"
    case $status in running | restarting) [ "$restarts" -gt "$patience" ] || return 0 ;; esac
  fi
  still_runs "$@"
}
# others_run WHEN: whether all services but the main one run or have ended with 0. One that ended otherwise ends the step. 1: docker
# starts one again, as the file asks it to: it is too early to say.
others_run() {
  restless=
  users_file "$release" || return 0
  main=$(cat "$release/main")
  made | xargs -r docker inspect -f '{{.Id}} {{.State.Status}} {{.RestartCount}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.StartedAt}} {{index .Config.Labels "com.docker.compose.service"}}' >"$tmp/others" 2>/dev/null || :
  while read -r id state ends code oom since service; do
    [ "$service" != "$main" ] || continue
    why=
    case $state in
    running)
      [ "$ends" != 0 ] || continue
      [ "$(($(date +%s) - $(date -d "$since" +%s)))" -lt "$calm" ] || continue
      why="docker restarted it $ends times" ;;
    exited) [ "$code" != 0 ] || continue ;;
    created) [ "$code" != 0 ] || continue ;;
    restarting) why="docker restarts it again and again" ;;
    esac
    if [ "$why" ] && [ "$ends" -le "$patience" ]; then
      restless=$service
      continue
    fi
    last_lines "$id" "$service"
    [ "$oom" != true ] || fail permanent service_out_of_memory "the service $service of $APP needs more memory than it may have" "raise its limit in the compose file"
    fail permanent service_exited "the service $service of $APP ended with exit code $code $1${why:+; $why}" "its last lines are in the log"
  done <"$tmp/others"
  [ -z "$restless" ]
}
