
# start, first of all: the volume. Made here and not by compose, so that nothing that compose does takes data away.
need_docker
if volume_there "$VOLUME"; then
  note "goes on with the data in $VOLUME"
else
  [ -z "$KEPT" ] || echo "the volume $VOLUME, which was kept, is not on $SERVER any more: the database begins anew"
  docker volume create --label "com.docker.compose.project=$PROJECT" --label "infrakt.app=$APP" \
    --label "infrakt.installation=$INSTALLATION" --label "infrakt.secret=$SECRET_MARK" "$VOLUME" >/dev/null
fi
