# logs: what an app's containers print. PROJECT FOLDER LINES FOLLOW [SERVICE]
# shellcheck shell=sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
project=$1 folder=$2 lines=$3 follow=$4 service=${5:-}
cd /
command -v docker >/dev/null || { echo 'docker is not installed' >&2; exit 60; }
# Also by the folder: a project of the first release holds containers of other apps, and may be another one than the app has here.
all=$(
  for filter in "project=$project" "project.working_dir=$folder" "project.working_dir=$folder/repo"; do
    docker ps -a --no-trunc --filter "label=com.docker.compose.$filter" \
      --format '{{.Label "com.docker.compose.service"}}|{{.ID}}|{{.Label "infrakt.installation"}}|{{.Label "com.docker.compose.project.working_dir"}}|{{.Label "com.docker.compose.project"}}' || exit 60
  done
) || exit 60
all=$(printf '%s\n' "$all" | awk -F'|' -v folder="$folder/" '$1 != "" && !seen[$2]++ && ($3 != "" || index($4 "/", folder) == 1)' | sort -s -t '|' -k 1,1)
services=$(printf '%s\n' "$all" | cut -d'|' -f1 | sed '/^$/d' | uniq)
[ "$services" ] || exit 61
if [ "$service" ]; then
  printf '%s\n' "$services" | grep -qxF -e "$service" || { printf '%s\n' "$services" | tr '\n' ' ' >&2; exit 62; }
  services=$service
  all=$(printf '%s\n' "$all" | awk -F'|' -v service="$service" '$1 == service')
fi
ids=$(printf '%s\n' "$all" | cut -d'|' -f2)
# The app's own counts where it has both: then a deploy is under way.
printf '%s\n' "$all" | cut -d'|' -f5 | grep -qxF -e "$project" || project=$(printf '%s\n' "$all" | cut -d'|' -f5 | head -n 1)
case $follow$services$ids in
*'
'* | yes*) ;;
# One container, and only what is there: byte for byte.
*) exec docker logs --tail "$lines" "$ids" 2>&1 ;;
esac
[ "$follow" = yes ] || {
  set -- --no-color --tail "$lines"
  case $services in *'
'*) ;; *) set -- "$@" --no-log-prefix ;; esac
  # Compose clears the line in front of each, whether there is a terminal or not.
  # shellcheck disable=SC2086
  env -i PATH="$PATH" HOME="${HOME:-/root}" LC_ALL=C.UTF-8 \
    docker compose --ansi never -p "$project" logs "$@" -- $services 2>&1 | sed -u "s/^$(printf '\033')\[2K//"
  exit
}
# Followed: each container until it ends, and each that is started from now on: a deploy puts another in its place.
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 143' TERM HUP INT
mark=$(date +%s)
# tell ID SERVICE WORDS…: to its end, and notes when that was.
tell() {
  id=$1 name=$2
  shift 2
  case $services in
  *'
'*) docker logs --follow "$@" "$id" 2>&1 | sed -u "s/^/$name  | /" ;;
  *) docker logs --follow "$@" "$id" 2>&1 ;;
  esac
  date +%s.%N >"$tmp/$id.t" && mv "$tmp/$id.t" "$tmp/$id"
}
# again ID SERVICE: one that was told to its end before, or is about to end.
again() {
  until [ -e "$tmp/$1" ]; do sleep 1; done
  since=$(cat "$tmp/$1")
  rm -f "$tmp/$1"
  tell "$1" "$2" --since "$since"
}
told=
for id in $ids; do
  name=$(docker inspect -f '{{index .Config.Labels "com.docker.compose.service"}}' "$id" 2>/dev/null) || continue
  told="$told $id"
  tell "$id" "$name" --tail "$lines" &
done
docker events --since "$mark" --filter type=container --filter event=start --filter "label=com.docker.compose.project=$project" \
  --format '{{.ID}} {{index .Actor.Attributes "com.docker.compose.service"}}' |
  while read -r id name; do
    printf '%s\n' "$services" | grep -qxF -e "$name" || continue
    case "$told " in *" $id "*) again "$id" "$name" & ;; *) told="$told $id"; tell "$id" "$name" & ;; esac
  done
