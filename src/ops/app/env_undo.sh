# undo env: the environment before, and what ran runs with it.
docker info >/dev/null 2>&1 || fail transient docker_down "docker on $SERVER does not answer"
case $kind in release) files=$there ;; *) files=$app_dir ;; esac
[ "$kind" != none ] && [ "$(cat "$files/env.job" 2>/dev/null)" = "$JOB" ] || already "nothing was changed"
umask 077
for file in .env compose.env; do
  if [ -e "$files/$file.before" ]; then
    cp -p "$files/$file.before" "$files/$file.t"
    sync "$files/$file.t"
    mv -fT "$files/$file.t" "$files/$file"
  else
    rm -f "$files/$file"
  fi
done
if [ "$(ran_before)" ]; then
  code=0
  now up -d --pull never --no-build || code=$?
  [ "$code" = 0 ] || {
    say serving no
    fail transient not_brought_back "$APP could not be started with the environment before" "\`infrakt app start $APP\` tries it again"
  }
  serving
else
  now up --no-start --pull never --no-build || :
fi
