
# undo start, at last: a volume that was made for this database, which never came up, holds nothing that anybody has written.
if [ -z "$KEPT" ] && [ ! -e "$app_dir/current" ] && has_our_mark "$VOLUME"; then
  docker volume rm "$VOLUME" >/dev/null || fail transient volume_in_use "the volume $VOLUME on $SERVER is in use"
fi
