# build: makes the image of what was fetched. Its id goes into the release; nothing that runs is touched.
need_docker
[ -d "$release" ] && [ -d "$repo/.git" ] || fail permanent release_gone "what was fetched of $APP on $SERVER was removed" "deploy again"
# Somebody else's deploy may have come between, after a long silence of ours.
[ "$(head_of_repo)" = "$COMMIT" ] || check_out "$COMMIT"

# With BuildKit where it is there: it says what it does, and does at once what does not hang together.
builder() {
  if docker buildx version >/dev/null 2>&1; then
    docker buildx build --progress plain --load "$@"
  else
    DOCKER_BUILDKIT=0 docker build "$@"
  fi
}
# building COMMAND …: seen as it comes; the end of it is kept in $tmp/build to find out why. Fails as the command does.
building() {
  mkfifo "$tmp/said"
  tail -c 65536 <"$tmp/said" >"$tmp/build" &
  {
    code=0
    "$@" 2>&1 || code=$?
    echo "$code" >"$tmp/code"
  } | tee "$tmp/said"
  wait $!
  rm -f "$tmp/said"
  return "$(cat "$tmp/code")"
}
build_trouble() {
  why=$(grep -aE '^(ERROR|failed|Error|error)' "$tmp/build" | tail -n 1 | sed 's/^[A-Za-z]*: //; s/^failed to solve: //')
  [ "$why" ] || why=$(tail -n 1 "$tmp/build")
  base=$(sed -n 's/^.*failed to resolve source metadata for \([^ :]*[^ ]*\): .*/\1/p' "$tmp/build" | tail -n 1)
  case $(tr '[:upper:]' '[:lower:]' <"$tmp/build") in
  *"cannot connect to the docker daemon"* | *"error reading from server: eof"* | *"closing transport"*) fail transient docker_down "docker on $SERVER does not answer" ;;
  *"no space left"*) fail permanent disk_full "the disk of $SERVER is full" "\`docker system df\` shows what docker keeps there; \`docker builder prune\` frees what builds left" ;;
  *"exit code: 137"* | *"returned a non-zero code: 137"* | *"signal: killed"*)
    fail permanent build_out_of_memory "the build of $APP was killed, as happens when $SERVER has no memory left: $why" "give the server more memory or swap, or build elsewhere and deploy the image" ;;
  *"failed to resolve source metadata"* | *"pull access denied"* | *"manifest unknown"*)
    case $(tr '[:upper:]' '[:lower:]' <"$tmp/build") in
    *": not found"* | *"pull access denied"* | *"manifest unknown"*) fail permanent image_missing "there is no image ${base:-to build from}, or it needs a login: $why" "check FROM in the Dockerfile; for a private one run \`docker login\` on $SERVER" ;;
    *unauthorized* | *denied* | *forbidden*) fail permanent registry_denied "the registry does not give ${base:-the image to build from} to $SERVER: $why" "run \`docker login\` on $SERVER" ;;
    *) fail transient registry_unreachable "${base:-the image to build from} could not be pulled: $why" "check that $SERVER reaches the registry" ;;
    esac ;;
  *) fail permanent build_failed "the build of $APP failed: $why" "what it said last is in the log; \`docker build .\` in the repository does the same" ;;
  esac
}

case $BUILD_MODE in
dockerfile)
  building builder -t "$BUILT_IMAGE" --label "infrakt.app=$APP" --label "infrakt.deployment=$DEPLOYMENT" \
    --label "infrakt.installation=$INSTALLATION" --label "infrakt.job=$JOB" "$repo" || build_trouble
  reference=$(docker image inspect -f '{{.Id}}' "$BUILT_IMAGE")
  (umask 077 && printf %s "$OVERRIDE" | sed "s|@image@|$reference|" >"$release/infrakt.yml.t")
  sync "$release/infrakt.yml.t"
  mv -f "$release/infrakt.yml.t" "$release/infrakt.yml"
  say image "$SERVICE $reference"
  ;;
compose) build_compose ;;
*) fail permanent source_unknown "this version of infrakt cannot build from a $BUILD_MODE file" ;;
esac
