
# fetch, before anything is changed: data that is there already must be such that our password opens it.
need_docker
if volume_there "$VOLUME" && ! has_our_mark "$VOLUME"; then
  [ "$KEPT" ] && [ -z "$(volume_mark "$VOLUME")" ] ||
    fail permanent volume_unknown "the volume $VOLUME is on $SERVER already, and its password is not known here" "take another name, or delete the data there with \`docker volume rm $VOLUME\`; nothing was changed"
fi
