# route: Caddy leads the app's domains to it, then the links lead to the new release. From here on it is the app's version.
set -f # a wildcard domain is no pattern
lock_caddy
if [ "$DOMAINS" ] && ! { imports_managed && [ -e $managed_file ]; }; then
  fail permanent proxy_not_set_up "$SERVER has no proxy for ${DOMAINS%% *}" "\`infrakt server provision $SERVER\` sets it up"
fi
if [ -e $managed_file ] && imports_managed; then
  new=$managed_file.new
  caddy_merge $managed_file "$ROUTE_MARK" "$DOMAINS" "$tmp/removed" "$tmp/taken" >"$new"
  refuse_taken "$tmp/taken"
  # Routes that the app was given or lost since the request: they come and go by a job of their own, and stay as they are until then.
  for domain in $KEPT; do ! grep -qxF "$domain {" "$tmp/removed" || DOMAINS="$DOMAINS $domain"; done
  printf %s "$ROUTES" | pick "$DOMAINS" >>"$new"
  # What was there, once: a second run of this step would see its own work.
  [ -e "$release/routes.before" ] || {
    cp "$tmp/removed" "$release/routes.before.t"
    sync "$release/routes.before.t"
    mv -f "$release/routes.before.t" "$release/routes.before"
  }
  # What led to the app by a hand's work goes on leading to the port that it had.
  if [ -s "$release/ports.before" ]; then
    while read -r port; do
      [ "$port" = "$HOST_PORT" ] || ! grep -hEs "(localhost|127\.0\.0\.1|\[::1\]):$port([^0-9]|\$)" "$new" "$main_file" >"$tmp/stale" ||
        echo "$managed_file or $main_file still leads to port $port of $SERVER, where $APP is no more: $(sed 's/^[ 	]*//; q' "$tmp/stale")"
    done <"$release/ports.before"
  fi
  if [ "$DOMAINS" ] || ! cmp -s "$new" $managed_file; then put_routes "$new"; else rm -f "$new"; fi
fi

# The switch: one move. The two links beside it lead through it.
[ -e "$release/current.before" ] || put "$release/current.before" "$(readlink "$app_dir/current" 2>/dev/null || :)"
link "releases/$DEPLOYMENT" "$app_dir/current"
for file in docker-compose.yml .env; do
  # What the first release left is a file: it is kept as the release before all.
  if [ -e "$app_dir/$file" ] && [ ! -L "$app_dir/$file" ]; then
    install -d -m 0700 "$app_dir/releases/0"
    mv -f "$app_dir/$file" "$app_dir/releases/0/$file"
    echo "the first release's $file is kept in $app_dir/releases/0"
  fi
  link "current/$file" "$app_dir/$file"
done
sync "$app_dir"
for url in $URLS; do say url "$url"; done
let_go

# The last five stay, for a way back.
find "$app_dir/releases" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | grep -Ex '[0-9]+(\.kept)?' | sort -n | head -n -5 |
  while read -r old; do [ "$old" = "$DEPLOYMENT" ] || rm -rf "$app_dir/releases/${old:?}"; done
find "$app_dir/releases" -mindepth 1 -maxdepth 1 -name '*.tmp' -exec rm -rf {} +
# With them go the images that were built for those.
docker images -q --filter "label=infrakt.installation=$INSTALLATION" --filter "label=infrakt.app=$APP" 2>/dev/null | sort -u |
  xargs -r docker image inspect -f '{{.Id}} {{index .Config.Labels "infrakt.deployment"}}' 2>/dev/null |
  while read -r image of; do
    [ -d "$app_dir/releases/$of" ] || [ -d "$app_dir/releases/$of.kept" ] || docker rmi -f "$image" >/dev/null 2>&1 || :
  done
