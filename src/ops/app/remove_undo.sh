# undo remove: what ran comes up again, as long as its files are all there.
docker info >/dev/null 2>&1 || fail transient docker_down "docker on $SERVER does not answer"
if [ -d "$app_dir" ] && ! began_here; then already "nothing was changed"; fi
# Without its data it is not what it was.
data_gone() {
  [ ! -e "$app_dir/volumes" ] || while read -r volume; do docker volume inspect "$volume" >/dev/null 2>&1 || return 0; done <"$app_dir/volumes"
  return 1
}
# The first release's containers in a project of others are not made anew: they are there, or they are gone.
partly_gone() { [ -e "$app_dir/elsewhere" ] && ran_before | while read -r id; do docker inspect "$id" >/dev/null 2>&1 || echo "$id"; done | grep -q .; }
if [ "$kind" = none ] || data_gone || partly_gone; then
  say serving no
  note "$APP is partly gone: $END takes the rest"
  exit 0
fi
code=0
if [ -e "$app_dir/elsewhere" ]; then ran_before | xargs -r docker start >/dev/null || code=$?
elif [ "$(ran_before)" ]; then now up -d --pull never --no-build || code=$?; else now up --no-start --pull never --no-build || code=$?; fi
[ "$code" = 0 ] || {
  say serving no
  fail transient not_brought_back "$APP could not be started again" "\`infrakt app start $APP\` tries it again"
}
rm -f "$app_dir/volumes" "$app_dir/elsewhere"
if [ "$(ran_before)" ]; then serving; fi
