# route: nothing leads to the app any more.
routes=$app_dir/routes.before
lock_caddy
imports_managed && [ -e $managed_file ] || already "there are no routes"
new=$managed_file.new
caddy_merge $managed_file "$ROUTE_MARK" "$DOMAINS" "$tmp/removed" "$tmp/taken" >"$new"
if cmp -s "$new" $managed_file; then
  rm -f "$new"
  already "there are no routes"
fi
# What was there, once: a second run of this step would see its own work.
install -d -m 0755 "$app_dir"
if [ "$(head -n 1 "$routes" 2>/dev/null)" != "$JOB" ]; then
  {
    echo "$JOB"
    cat "$tmp/removed"
  } >"$routes.t"
  sync "$routes.t"
  mv -f "$routes.t" "$routes"
fi
put_routes "$new"
