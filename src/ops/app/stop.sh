# stop: the app's containers stop and stay.
need_docker
not_foreign
ids=$(mine)
[ "$ids" ] || already "nothing of $APP runs"
keep_before
# Compose knows who needs whom; in a project that other apps share it would take theirs along.
if [ "$kind" = release ]; then now stop; else echo "$ids" | xargs docker stop; fi
ids=$(mine)
# What compose does not know any more, from a version before.
[ -z "$ids" ] || echo "$ids" | xargs docker stop
[ -z "$(mine)" ] || fail transient not_stopped "containers of $APP on $SERVER were started again meanwhile"
say runs no
