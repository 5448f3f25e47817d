# import: Caddy's main file imports ours. It is replaced only where it is the package's own, otherwise a line is appended.
active() { systemctl -q is-active caddy; }
if imports_managed && active; then already "$main_file imports $managed_file"; fi
lock_caddy
if ! imports_managed; then
  new=/etc/caddy/.infrakt-check-$$ own=
  packaged=$(dpkg-query -W -f '${Conffiles}\n' caddy 2>/dev/null | awk -v file=$main_file '$1 == file { print $2 }')
  if [ ! -e $main_file ] || [ "$(md5sum <$main_file | cut -d' ' -f1)" = "$packaged" ]; then
    printf 'import %s\n' $managed_file >"$new"
  else
    { cat $main_file && printf '\nimport %s\n' $managed_file; } >"$new"
    own=yes
  fi
  chmod 0644 "$new"
  # Checked with a route in the imported file: a main file of one site without braces takes the import only while there is none.
  { cat $managed_file && printf '\nhttp://infrakt-check.invalid {\n}\n'; } >$managed_file.new
  sed "s|$managed_file|$managed_file.new|" "$new" >"$new.with"
  chmod 0644 "$new.with" $managed_file.new
  wanted=yes
  check_caddy "$new.with" || wanted=
  rm -f "$new.with" $managed_file.new
  if [ -z "$wanted" ]; then
    rm -f "$new"
    sed 's/^/| /' "$tmp/check"
    fail permanent caddyfile_invalid "caddy does not accept $main_file with our import in it: $(check_says)" "a file of one site without braces takes no import: put braces around the site in $main_file on $SERVER, and see that \`caddy validate --config $main_file\` agrees; the file was not changed"
  fi
  [ ! -e $main_file ] || cp -p $main_file $main_file.before-infrakt
  sync "$new"
  mv -f "$new" $main_file
  sync /etc/caddy
fi
if ! systemctl restart caddy || ! active; then
  journalctl -u caddy -n 20 --no-pager -o cat 2>/dev/null | sed 's/^/| /'
  if [ -e $main_file.before-infrakt ]; then
    mv -f $main_file.before-infrakt $main_file
    systemctl restart caddy || :
  fi
  fail permanent caddy_down "caddy does not start with the import; $main_file is as it was before" "see \`journalctl -u caddy\` on $SERVER"
fi
rm -f $main_file.before-infrakt
[ -z "${own:-}" ] || note "$main_file is not the package's own: it stays, with a line that imports $managed_file"
