# undo route: the app's routes are back.
routes=$app_dir/routes.before
lock_caddy
rm -f $managed_file.new
[ "$(head -n 1 "$routes" 2>/dev/null)" = "$JOB" ] && [ -e $managed_file ] || already "nothing was changed"
new=$managed_file.new
# Only our own blocks go back: what somebody else wrote meanwhile stays.
caddy_merge $managed_file "$ROUTE_MARK" "" "$tmp/removed" "$tmp/taken" >"$new"
sed 1d "$routes" >>"$new"
if cmp -s "$new" $managed_file; then rm -f "$new"; else put_routes "$new"; fi
rm -f "$routes"
