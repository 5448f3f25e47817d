# undo start: what this job made goes, and the version before serves again, from its own files.
serving() {
  if [ "$(in_project -q)" ] || predecessors_run; then say serving yes; else say serving no; fi
}
docker info >/dev/null 2>&1 || fail transient docker_down "docker on $SERVER does not answer"
current=$(readlink "$app_dir/current" 2>/dev/null || :)
if serves && is_ours "$release"; then
  serving
  already "release $DEPLOYMENT serves: it stays"
fi
was=none
[ ! -e "$release/before" ] || was=$(cat "$release/before")

# A compose file of a repository mounts what is checked out there.
repo_back "$release"
# Gone first: the version before may need the ports. Of a user's file they are only stopped: compose hands over to their successors what
# they keep in volumes without a name.
users_version() { [ "$was" = running ] && [ "$current" ] && users_file "$app_dir/$current"; }
back() { bring_release "$app_dir/$current" && keep_up "$app_dir/$current"; }
if users_version; then
  made | xargs -r docker stop >/dev/null
  back && was=back || :
fi
made | xargs -r docker rm -f >/dev/null
bring_back() {
  case $was in
  running) "$@" up -d --remove-orphans --no-build ;;
  stopped) "$@" up --no-start --remove-orphans --no-build ;;
  none) ;;
  esac
}
pins=$release/before.yml
[ -s "$pins" ] || { pins=$tmp/pins.yml && echo "services: {}" >"$pins"; }
kept=$release/before-kept.yml
[ -s "$kept" ] || { kept=$tmp/kept.yml && echo "services: {}" >"$kept"; }
first_release() {
  env -i PATH="$PATH" HOME="$HOME" LC_ALL=C.UTF-8 docker compose --ansi never -p "$PROJECT" -f docker-compose.yml -f "$pins" -f "$kept" "$@"
}
old() { compose "$app_dir/$current" -f "$kept" "$@"; }
code=0
if [ "$current" ] && [ -e "$app_dir/$current/infrakt.yml" ]; then
  # By digest, and never pulled: exactly what ran.
  if users_version; then back; else bring_back old --progress plain; fi || code=$?
elif [ -f "$app_dir/docker-compose.yml" ] && [ ! -L "$app_dir/docker-compose.yml" ]; then
  cd "$app_dir" && bring_back first_release || code=$?
elif [ -f "$app_dir/repo/docker-compose.yml" ]; then
  cd "$app_dir/repo" && bring_back first_release --env-file "$app_dir/.env" || code=$?
fi
give_back || code=$?
if [ -e "$release/networks.before" ]; then
  docker network ls -q --no-trunc --filter "label=com.docker.compose.project=$PROJECT" | grep -vxFf "$release/networks.before" | xargs -r docker network rm >/dev/null || :
fi
docker network ls -q --filter "label=infrakt.job=$JOB" | xargs -r docker network rm >/dev/null || :
docker images -q --filter "label=infrakt.job=$JOB" | sort -u | xargs -r docker rmi -f >/dev/null || :
if [ "$code" != 0 ]; then
  say serving no
  fail transient not_brought_back "the version of $APP before could not be started again" "\`infrakt app deploy $APP\` starts it anew"
fi
# One that was stopped is as it was: nothing more is said.
[ "$was" != stopped ] || exit 0
# Up is not yet serving: one that ends at once is seen here.
if [ "$was" != none ] || predecessors_run; then sleep 1; fi
serving
