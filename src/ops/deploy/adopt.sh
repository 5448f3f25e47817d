# What the first release has put on the server for this app, and how the app keeps it.
#
# Its containers have none of our labels: they are told by the folder that they came from. Their compose project is named after that
# folder, so that all apps with a compose file of their own share the project `repo`. One that is not this app's own project is never
# brought up, down or cleaned of orphans as a whole; this app's containers of it are stopped, kept until the new version serves, and
# removed one by one.

# first_release_containers: all of this app's, `id project state name`, in whatever project.
first_release_containers() {
  for from in "$app_dir" "$app_dir/repo"; do
    docker ps -a --no-trunc --filter "label=com.docker.compose.project.working_dir=$from" \
      --format '{{.ID}}|{{.Label "infrakt.installation"}}|{{.Label "com.docker.compose.project"}}|{{.State}}|{{.Names}}'
  done | while IFS='|' read -r id owner project state name; do
    [ "$owner" ] || printf '%s %s %s %s\n' "$id" "$project" "$state" "${name%%,*}"
  done
}
# Those of another project than the app has here.
in_other_projects() { first_release_containers | awk -v project="$PROJECT" '$2 != project'; }

# make_way: this app's containers of another project stop, and their names are free; what they were is written down first.
make_way() {
  [ -e "$release/others" ] || {
    others=$(in_other_projects)
    put "$release/others" "${others:+$others
}"
  }
  while read -r id project state name; do
    docker inspect "$id" >/dev/null 2>&1 || continue
    echo "stopping $name of the first release (compose project $project)"
    docker stop "$id" >/dev/null
    [ "$(docker inspect -f '{{.Name}}' "$id")" != "/$name" ] || docker rename "$id" "$name.before-$DEPLOYMENT"
  done <"$release/others"
}
# give_back: they serve again, the very same.
give_back() {
  [ -e "$release/others" ] || return 0
  back=0
  while read -r id project state name; do
    docker inspect "$id" >/dev/null 2>&1 || continue
    [ "$(docker inspect -f '{{.Name}}' "$id")" = "/$name" ] || docker rename "$id" "$name"
    [ "$state" != running ] || docker start "$id" >/dev/null || back=1
  done <"$release/others"
  return $back
}
predecessors_run() {
  [ -e "$release/others" ] || return 1
  while read -r id _; do
    [ "$(docker inspect -f '{{.State.Running}}' "$id" 2>/dev/null)" != true ] || return 0
  done <"$release/others"
  return 1
}
# let_go: the new version serves, and there is no way back to them. Their volumes stay.
let_go() {
  [ -s "$release/others" ] || return 0
  # Written before the first one goes: from here on this release is not undone.
  put "$release/adopted" "$JOB"
  while read -r id project state name; do
    docker rm -f "$id" >/dev/null 2>&1 || :
  done <"$release/others"
}
adopted() { [ -e "$release/adopted" ] && serves && is_ours "$release"; }
