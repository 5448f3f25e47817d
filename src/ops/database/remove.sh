
# remove, first of all: which volume holds the data. Kept in a file until the end: a second run finds no container any more.
need_docker
not_foreign
found=$app_dir/database
if [ "$(head -n 1 "$found" 2>/dev/null)" = "$JOB" ]; then
  volume=$(sed -n 2p "$found") image=$(sed -n 3p "$found")
else
  volume='' image=''
  for container in $(mine -a); do
    at=$(docker inspect -f "{{range .Mounts}}{{if and (eq .Type \"volume\") (eq .Destination \"$DATA_DIR\")}}{{.Name}}{{end}}{{end}}" "$container")
    [ -z "$at" ] || { volume=$at image=$(docker inspect -f '{{.Config.Image}}' "$container"); }
  done
  # Without a container only data that is ours by its mark, or known here as that of this database.
  if [ "$volume" ]; then
    :
  elif has_our_mark "$VOLUME"; then
    volume=$VOLUME
  elif [ "$KEPT" ] && volume_there "$KEPT" && [ -z "$(volume_mark "$KEPT")" ]; then
    volume=$KEPT
  fi
  [ -d "$app_dir" ] || install -d -m 0755 "$app_dir"
  put "$found" "$JOB
$volume
$image
"
fi
if [ "$VOLUMES" = yes ] && [ ! -e "$app_dir/volumes" ]; then
  # Those without a name too, which the image asks for.
  put "$app_dir/volumes" "$({ mine -a | xargs -r docker inspect -f '{{range .Mounts}}{{if eq .Type "volume"}}{{println .Name}}{{end}}{{end}}' && printf '%s\n' "$volume"; } | sed '/^$/d' | sort -u)
"
fi
