# The app's blocks in the managed Caddyfile.
# refuse_taken FILE: what caddy_merge found in blocks of somebody else.
refuse_taken() {
  [ -s "$1" ] || return 0
  tab=$(printf '\t')
  IFS=$tab read -r domain _ mark <"$1"
  fail permanent domain_taken "$domain is in use by $(whose "$mark") in $managed_file on $SERVER" "remove that block, or give the app other domains with \`infrakt app edit $APP --domain\`"
}
