# build_compose: the services of a repository's own file that it builds, each image by its id in the release from then on.
build_compose() {
  [ "$BUILD_FILE" ] && [ -s "$release/main" ] || fail permanent release_gone "what \`fetch\` found in the compose file of $APP is not known" "deploy again"
  [ "$BUILT_SERVICES" ] || {
    note "nothing to build: all its images are pulled"
    return 0
  }
  (umask 077 && put "$release/build.yml" "$BUILD_FILE")
  all_of_it() {
    env -i PATH="$PATH" HOME="$HOME" LC_ALL=C.UTF-8 docker compose --ansi never --progress plain -p "$PROJECT" --project-directory "$release" \
      -f "$release/docker-compose.yml" -f "$release/build.yml" --env-file "$release/compose.env" build
  }
  building all_of_it || build_trouble
  printf %s "$BUILT_SERVICES" >"$tmp/built"
  while read -r service image; do
    id=$(docker image inspect -f '{{.Id}}' "$image" </dev/null) || fail permanent build_failed "the build of $APP made no image for the service $service"
    awk -F '\t' -v service="$service" -v id="$id" '{ print $1 "\t" ($1 == service ? id : $2) }' "$release/images" >"$tmp/images"
    (umask 077 && put "$release/images" "$(cat "$tmp/images")
")
    say image "$service $id"
  done <"$tmp/built"
}
