# undo route: links and routes as they were before.
if adopted; then already "release $DEPLOYMENT serves: it stays"; fi
lock_caddy
if [ -e "$release/current.before" ] && serves; then
  before=$(cat "$release/current.before")
  if [ "$before" ]; then
    link "$before" "$app_dir/current"
  else
    rm -f "$app_dir/current"
    for file in docker-compose.yml .env; do
      [ ! -L "$app_dir/$file" ] || rm -f "$app_dir/$file"
      [ ! -e "$app_dir/releases/0/$file" ] || mv -f "$app_dir/releases/0/$file" "$app_dir/$file"
    done
    rmdir "$app_dir/releases/0" 2>/dev/null || :
  fi
  sync "$app_dir"
fi
rm -f $managed_file.new
if [ -e "$release/routes.before" ] && [ -e $managed_file ]; then
  new=$managed_file.new
  # Only our own blocks go back: what somebody else wrote meanwhile stays.
  caddy_merge $managed_file "$ROUTE_MARK" "" "$tmp/removed" "$tmp/taken" >"$new"
  cat "$release/routes.before" >>"$new"
  if cmp -s "$new" $managed_file; then rm -f "$new"; else put_routes "$new"; fi
fi
