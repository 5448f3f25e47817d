# remove: containers, networks, images that were built, volumes if they are to go; the folder last.
need_docker
not_foreign
volumes() { docker volume ls -q --filter "label=com.docker.compose.project=$PROJECT"; }
# Of containers that the first release put into a project that other apps share, only the volumes they use are theirs.
mounted() { all_mine | xargs -r docker inspect -f '{{range .Mounts}}{{if eq .Type "volume"}}{{println .Name}}{{end}}{{end}}' | sed '/^$/d'; }
: >"$tmp/mounted"
if [ -d "$app_dir" ]; then
  ! elsewhere || mounted | grep -vxE '[0-9a-f]{64}' >"$tmp/mounted" || :
  keep_before
  # What compose could not make anew as it was.
  if [ ! -e "$app_dir/elsewhere" ] && elsewhere; then
    put "$app_dir/elsewhere" "$(all_mine | xargs docker inspect -f '{{index .Config.Labels "com.docker.compose.project"}}' | sort -u)
"
  fi
  if [ "$VOLUMES" = yes ] && [ ! -e "$app_dir/volumes" ]; then
    { mounted; [ "$kind" = first ] || volumes; } | sort -u >"$app_dir/volumes.t"
    sync "$app_dir/volumes.t"
    mv -f "$app_dir/volumes.t" "$app_dir/volumes"
  fi
fi
# In order first: a database gets the time to write.
[ "$kind" != release ] || now stop || :
all_mine | xargs -r docker rm -f >/dev/null
[ -z "$(all_mine)" ] || fail transient not_removed "containers of $APP on $SERVER were made again meanwhile"
{
  echo "$PROJECT"
  cat "$app_dir/elsewhere" 2>/dev/null || :
} | while read -r project; do
  [ -z "$(docker ps -aq --filter "label=com.docker.compose.project=$project")" ] || continue
  docker network ls -q --filter "label=com.docker.compose.project=$project" | xargs -r docker network rm >/dev/null || :
done
docker images -q "infrakt/$PROJECT" | sort -u | xargs -r docker rmi -f >/dev/null || :
if [ "$VOLUMES" = yes ]; then
  [ ! -e "$app_dir/volumes" ] || while read -r volume; do
    docker volume inspect "$volume" >/dev/null 2>&1 || continue
    docker volume rm "$volume" >/dev/null || fail transient volume_in_use "the volume $volume on $SERVER is in use"
  done <"$app_dir/volumes"
  kept=
else
  kept=$(volumes | sort -u - "$tmp/mounted" | tr '\n' ' ')
fi
rm -rf "$app_dir"
sync /opt/infrakt/apps 2>/dev/null || :
if [ "$kept" ]; then note "kept: ${kept% }"; fi
say runs no
