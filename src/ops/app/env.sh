# env: the version that is there gets the present environment; containers whose environment is another one now are made anew.
need_docker
not_foreign
need_version
! elsewhere || fail permanent shared_project "the containers of $APP on $SERVER are in a compose project of the first release that other apps share" "$ANEW puts it in one of its own, with this environment"
case $kind in release) files=$there ;; *) files=$app_dir ;; esac
keep_before
umask 077
# The one before, once, for the way back.
if [ "$(cat "$files/env.job" 2>/dev/null)" != "$JOB" ]; then
  for file in .env compose.env; do
    rm -f "$files/$file.before"
    [ ! -e "$files/$file" ] || { cp -p "$files/$file" "$files/$file.before" && sync "$files/$file.before"; }
  done
  put "$files/env.job" "$JOB"
fi
put "$files/.env" "$DOTENV"
[ "$kind" != release ] || put "$files/compose.env" "$COMPOSE_ENV"
if [ "$WANTED" = yes ] || [ "$(ran_before)" ]; then
  bring_up -d
  say runs yes
else
  bring_up --no-start
  say runs no
fi
