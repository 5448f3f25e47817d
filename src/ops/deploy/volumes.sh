# Volumes that compose would not find again by itself: those that nobody has named (an image's own VOLUME), which compose hands from a
# container to the next only as long as there is one; and those of another compose project, from the first release.
# One a line: `a|service|target|volume|writable` without a name, `n|key|volume` of another project.

# volumes_of: of the containers whose ids come in.
volumes_of() {
  xargs -r docker inspect -f '{{range .Mounts}}{{if eq .Type "volume"}}{{printf "%s|%s|%s|%t\n" (index $.Config.Labels "com.docker.compose.service") .Name .Destination .RW}}{{end}}{{end}}' |
    while IFS='|' read -r service volume target writable; do
      [ "$volume" ] || continue
      key=$(docker volume inspect -f '{{index .Labels "com.docker.compose.project"}}|{{index .Labels "com.docker.compose.volume"}}' "$volume" 2>/dev/null) || continue
      case $key in
      "$PROJECT|"?*) ;;
      ?*"|"?*) printf 'n|%s|%s\n' "${key#*|}" "$volume" ;;
      *)
        case $volume$target in *[\"\\]*) continue ;; esac
        [ -n "$(printf %s "$volume" | tr -d 0-9a-f)" ] || [ ${#volume} != 64 ] ||
          printf 'a|%s|%s|%s|%s\n' "$service" "$target" "$volume" "$writable"
        ;;
      esac
    done | sort -u
}
# volumes_file <LINES: as a file of compose.
volumes_file() {
  awk -F'|' '
    $1 == "a" && !(($2, $3) in seen) {
      seen[$2, $3]
      key = "kept-" (++count)
      mounts[$2] = mounts[$2] sprintf("      - {type: volume, source: %s, target: \"%s\", read_only: %s}\n", key, $3, ($5 == "true" ? "false" : "true"))
      names = names sprintf("  %s: {name: \"%s\", external: true}\n", key, $4)
    }
    $1 == "n" && !($2 in keys) { keys[$2]; names = names sprintf("  \"%s\": {name: \"%s\", external: true}\n", $2, $3) }
    END {
      print "# Written by infrakt: volumes by the names that they have."
      for (service in mounts) { if (!any++) print "services:"; printf "  \"%s\":\n    volumes:\n%s", service, mounts[service] }
      if (!any) print "services: {}"
      if (names != "") printf "volumes:\n%s", names
    }'
}
# keep_volumes RELEASE IDS: what these containers and the release before keep in volumes is kept by the same services of the release.
keep_volumes() {
  volumes_of <"$2" >"$tmp/found"
  [ ! -e "$app_dir/current/kept" ] || cat "$app_dir/current/kept" >>"$tmp/found"
  [ -s "$tmp/found" ] || return 0
  # As compose reads the new files (in a pipe: they hold the environment). What they say of a place themselves counts.
  compose "$1" config | awk -F'|' -v kept="$1/kept" '
    function word(s) { sub(/^[^:]*: */, "", s); gsub(/^"|"$/, "", s); return s }
    FNR == NR {
      if ($0 ~ /^[a-z]/) part = $0
      if (part == "services:" && $0 ~ /^  [^ ].*:$/) { service = $0; gsub(/^ *"?|"?:$/, "", service); services[service]; mounts = 0 }
      if (part == "services:" && $0 ~ /^    [^ -]/) mounts = ($0 == "    volumes:")
      if (mounts && $0 ~ /^      - /) source = ""
      if (mounts && $0 ~ /^ +source: /) source = word($0)
      if (mounts && $0 ~ /^ +target: / && source != "") bound[service, word($0)]
      if (part == "volumes:" && $0 ~ /^  [^ ].*:/) { key = $0; gsub(/^ *"?|"?:.*$/, "", key); keys[key] }
      next
    }
    $1 == "a" && ($2 in services) && !(($2, $3) in bound) && !(($2, $3) in seen) { seen[$2, $3]; print >kept; next }
    $1 == "n" && ($2 in keys) && !($2 in seen) { seen[$2]; print >kept }
  ' - "$tmp/found"
  [ -e "$1/kept" ] || return 0
  volumes_file <"$1/kept" >"$1/kept.yml"
  # Said once.
  sort "$app_dir/current/kept" >"$tmp/known" 2>/dev/null || :
  sort "$1/kept" | comm -23 - "$tmp/known" | while IFS='|' read -r kind key target volume _; do
    case $kind in
    a) echo "the volume $volume stays at $target of $key" ;;
    n) echo "the volume $key goes on as $target" ;;
    esac
  done
}
