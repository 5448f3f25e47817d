# caddyfile: the first file of routes. One that is there stays, whatever is in it.
file=/opt/infrakt/caddy/Caddyfile
[ ! -e $file ] || already "$file is there"
printf '%s\n' "$CADDYFILE_HEADER" >$file.new || {
  rm -f $file.new
  exit 1
}
chmod 0644 $file.new
sync $file.new
mv -f $file.new $file
