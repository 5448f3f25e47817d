# routes: the blocks of this home become what its database says; anything else in the managed file stays as it is.
set -f # a wildcard domain is no pattern
lock_caddy
imports_managed && [ -e $managed_file ] || fail permanent proxy_not_set_up "$SERVER has no proxy yet" "\`infrakt proxy setup $SERVER\` sets it up"
new=$managed_file.new refused='' first='' answered=''

# refuse DOMAIN WHY: no route is written for it. One that the job was asked for is answered; an older one is named and waits.
refuse() {
  DOMAINS=$(without "$DOMAINS" "$1")
  case " $ASKED " in
  *" $1 "*)
    refused="$refused $1" first=${first:-$2}
    answered="$answered$1 $2
" ;;
  *) note "$2: the route of this home is left out" ;;
  esac
}
# Nothing of what was asked for can be done: the file stays as it is.
all_refused() {
  [ -z "$OTHERS" ] && [ "$refused" ] || return 1
  for asked in $ASKED; do case " $refused " in *" $asked "*) ;; *) return 1 ;; esac done
}
build() { { cat "$tmp/merged" && printf %s "$ROUTES" | pick "$DOMAINS"; } >"$new"; }

caddy_merge $managed_file "$ROUTE_MARK" "$DOMAINS" "$tmp/removed" "$tmp/taken" "$ADOPT" "$PORTS" "$KEEP" >"$tmp/merged"
tab=$(printf '\t')
while IFS=$tab read -r address domain mark; do
  refuse "$domain" "$address is in use by $(whose "$mark") in $managed_file on $SERVER"
done <"$tmp/taken"
build

# A run before this one that came as far as changing the file, and no further.
unread() { [ -e "$kept/put" ] && [ ! -e "$kept/read" ]; }
if cmp -s "$new" $managed_file && [ -z "$RELOAD$refused" ] && systemctl -q is-active caddy && ! unread; then
  rm -f "$new"
  already "the routes are so already"
fi

# What the main file brings is not merged but met by the check.
while ! routes_pass "$new"; do
  domain=${why##* }
  case " $DOMAINS " in *" $domain "*) ;; *) refuse_routes "$new" ;; esac
  case "$why| $ASKED " in *mbiguous\ site*\|*" $domain "*) ;; *) refuse_routes "$new" ;; esac
  refuse "$domain" "$domain is in use by a site in $main_file, or in a file that it imports, on $SERVER"
  build
done
if all_refused; then
  rm -f "$new"
  fail permanent domain_taken "$first" "\`infrakt proxy status $SERVER\` shows what is there; \`--adopt\` takes a domain over from a block in $managed_file"
fi

find "$state/routes/$INSTALLATION" -mindepth 1 -maxdepth 1 ! -name "$JOB" -exec rm -rf {} + 2>/dev/null || :
if [ ! -e "$kept/before" ]; then
  install -d -m 0700 "$state/routes" "$state/routes/$INSTALLATION" "$kept"
  cp "$tmp/removed" "$kept/removed"
  cp $managed_file "$kept/before.t"
  sync "$kept/removed" "$kept/before.t"
  mv -f "$kept/before.t" "$kept/before"
fi
rm -f "$kept/read"
cp "$new" "$kept/put.t"
sync "$kept/put.t"
mv -f "$kept/put.t" "$kept/put"
place_routes "$new"
: >"$kept/read"
printf %s "$answered" | while read -r domain text; do say refused "$domain $text"; done
# shellcheck disable=SC2086
set -- $DOMAINS
note "$# of this home"
