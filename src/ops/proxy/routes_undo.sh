# undo routes: the managed file as it was before this job.
lock_caddy
rm -f $managed_file.new
if [ ! -e "$kept/put" ] || [ ! -e $managed_file ]; then already "nothing was changed"; fi
if cmp -s $managed_file "$kept/before"; then
  # It is back, but whether caddy has read it is not known.
  systemctl reload-or-restart caddy || :
  exit 0
fi
new=$managed_file.new
if cmp -s $managed_file "$kept/put"; then
  cp "$kept/before" "$new"
else
  # Somebody wrote in it meanwhile: that stays, and only blocks that were taken out go back.
  caddy_merge $managed_file "$ROUTE_MARK" "" "$tmp/removed" "$tmp/taken" >"$new"
  cat "$kept/removed" >>"$new"
fi
put_routes "$new"
