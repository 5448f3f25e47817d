# fetch: stages the release's files and pulls its image or fetches its repository. Nothing that runs is touched, and what is another's stops it here.
need_docker

# Whose are the folder and the compose project? A folder without a mark is the first release's, and so ours.
foreign() {
  fail permanent foreign_app "$1" "deploy under another name, or remove that one first; nothing was changed"
}
for file in "$app_dir"/releases/*/infrakt.yml; do
  [ -e "$file" ] || continue
  owner=$(sed -n 's/^ *infrakt\.installation: *"\{0,1\}\([^"]*\)"\{0,1\} *$/\1/p' "$file" | head -n 1)
  [ -z "$owner" ] || [ "$owner" = "$INSTALLATION" ] ||
    foreign "$app_dir on $SERVER belongs to another infrakt ($owner)"
done
in_project -a --format '{{.Label "infrakt.installation"}}|{{.Label "com.docker.compose.project.working_dir"}}|{{.Names}}' >"$tmp/containers"
while IFS='|' read -r owner dir name; do
  case $owner in
  "$INSTALLATION") continue ;;
  '') case $dir/ in "$app_dir"/*) continue ;; esac
    foreign "the compose project $PROJECT on $SERVER runs containers that infrakt did not make ($name, from ${dir:-an unknown folder})" ;;
  *) foreign "the compose project $PROJECT on $SERVER belongs to another infrakt ($owner)" ;;
  esac
done <"$tmp/containers"

# Routes: what cannot work is said before anything is changed.
if [ "$DOMAINS" ]; then
  imports_managed && [ -e $managed_file ] || fail permanent proxy_not_set_up "$SERVER has no proxy for ${DOMAINS%% *}" "\`infrakt server provision $SERVER\` sets it up"
  caddy_merge $managed_file "$ROUTE_MARK" "$DOMAINS" "$tmp/removed" "$tmp/taken" >/dev/null
  refuse_taken "$tmp/taken"
fi

# 1. Stage. Readable for root alone: the files hold secrets.
install -d -m 0755 /opt/infrakt /opt/infrakt/apps "$app_dir" "$app_dir/releases"
stage=$release.tmp
# What this job itself left there knows how the checkout was before.
if ! { is_ours "$stage" && [ -e "$stage/repo.before" ]; }; then
  rm -rf "$stage"
  mkdir -m 0700 "$stage"
fi
(
  umask 077
  # Whose work this folder is: what another job or another infrakt made under this number is not ours to take away.
  printf %s "$JOB" >"$stage/job"
  printf %s "$COMPOSE" >"$stage/docker-compose.yml"
  printf %s "$DOTENV" >"$stage/.env"
  printf %s "$COMPOSE_ENV" >"$stage/compose.env"
)
docker network inspect $network >/dev/null 2>&1 || docker network create $network >/dev/null || docker network inspect $network >/dev/null

# 2. Pull.
pull() {
  echo "pulling $1"
  # To a file and not through a pipe: the exit status is docker's own.
  docker pull "$1" 2>"$tmp/pull" && return 0
  cat "$tmp/pull"
  why=$(grep -v '^Using default tag' "$tmp/pull" | tail -n 1 | sed 's/^Error response from daemon: //')
  case $(tr '[:upper:]' '[:lower:]' <"$tmp/pull") in
  *"cannot connect to the docker daemon"*) fail transient docker_down "docker on $SERVER does not answer" ;;
  *"no space left"*) fail permanent disk_full "the disk of $SERVER is full" "\`docker system df\` shows what docker keeps there" ;;
  *"no matching manifest"*) fail permanent image_platform "$1 is not made for the processor of $SERVER: $why" ;;
  *toomanyrequests* | *"rate limit"*) fail transient registry_busy "the registry lets $SERVER pull no more for now: $why" "log in there with \`docker login\`" ;;
  *"pull access denied"* | *"manifest unknown"* | *"name unknown"* | *"repository does not exist"* | *"not found"* | *"invalid reference"*)
    fail permanent image_missing "there is no image $1, or it needs a login: $why" "check the name and tag; for a private one run \`docker login\` on $SERVER" ;;
  *unauthorized* | *denied* | *"authentication required"* | *"no basic auth"*)
    fail permanent registry_denied "the registry does not give $1 to $SERVER: $why" "run \`docker login\` on $SERVER" ;;
  *) fail transient registry_unreachable "$1 could not be pulled: $why" "check that $SERVER reaches the registry" ;;
  esac
}
# resolve IMAGE: what stands in a release, its digest, or its id where no registry gave it one. Never a tag: tags move.
resolve() {
  name=${1%%@*}
  case ${name##*/} in *:*) name=${name%:*} ;; esac
  docker image inspect -f '{{range .RepoDigests}}{{println .}}{{end}}' "$1" >"$tmp/digests"
  exact=$(grep -F "$name@" "$tmp/digests" | awk -v name="$name@" 'index($0, name) == 1' | head -n 1)
  [ "$exact" ] || exact=$(grep . "$tmp/digests" | head -n 1)
  [ "$exact" ] || exact=$(docker image inspect -f '{{.ID}}' "$1")
  echo "$exact"
}
case $MODE in
image)
  pull "$IMAGE"
  reference=$(resolve "$IMAGE")
  (umask 077 && printf %s "$OVERRIDE" | sed "s|@image@|$reference|" >"$stage/infrakt.yml")
  say image "$SERVICE $reference"
  note "$reference"
  ;;
git)
  command -v git >/dev/null || fail permanent no_git "$SERVER has no git" "\`infrakt server provision $SERVER\` installs it"
  [ "$GIT_COMMIT" ] || find_ref
  remember_repo "$stage"
  prepare_repo
  [ -z "$first" ] || sweep_repo
  fetch_commit
  check_out "$commit" fetch
  subject=$(local_git log -1 --format=%s)
  say commit "$commit"
  say subject "$subject"
  # How it is built: by its own compose file, which needs no more than that, else by its Dockerfile.
  mode=
  for file in compose.yaml compose.yml docker-compose.yml docker-compose.yaml; do
    [ -z "$mode" ] && [ -f "$repo/$file" ] || continue
    mode=compose compose_file=$file
    say compose_file "$file"
  done
  [ "$mode" ] || [ ! -f "$repo/Dockerfile" ] || mode=dockerfile
  [ "$mode" ] || fail permanent nothing_to_build "the repository of $APP has neither a Dockerfile nor a compose file at its top" "add one, or deploy an image with \`infrakt app edit $APP --image\`"
  say mode "$mode"
  differences=
  [ "$mode" != compose ] || fetch_repository
  note "$(printf %s "$commit" | cut -c1-8) $subject$differences"
  ;;
compose)
  fetch_upload
  note "$reference"
  ;;
*) fail permanent source_unknown "this version of infrakt cannot deploy from $MODE" ;;
esac

# 3. In place. A folder of this number is left from a run that was cut off, unless it serves.
sync "$stage"/* "$stage/.env" "$stage"
if serves && ! is_ours "$release"; then
  # A home restored from a backup counts its deployments anew: the version that serves keeps its files, under another name.
  rm -rf "$release.kept"
  cp -a "$release" "$release.kept"
  link "releases/$DEPLOYMENT.kept" "$app_dir/current"
fi
if serves; then
  mv -f "$stage"/* "$stage/.env" "$release/"
  rmdir "$stage"
else
  rm -rf "$release"
  mv -T "$stage" "$release"
fi
sync "$app_dir/releases"
