# What docker compose itself makes of a user's compose file: read there, so that nobody else has to understand the format.

# One line a leaf, keys and value parted by tabs, of the little that is needed: the values of the environment are not among it.
flatten() { awk '
function wanted(p, k, n) {
  n = split(p, k, "\t")
  if (k[1] == "networks" || k[1] == "volumes") return n == 2 || (n == 3 && (k[3] == "name" || k[3] == "external"))
  if (k[1] == "configs" || k[1] == "secrets") return n == 3 && k[3] == "file"
  if (k[1] != "services") return 0
  if (n == 2) return 1
  if (k[3] == "image" || k[3] == "pull_policy" || k[3] == "restart" || k[3] == "build" || k[3] == "network_mode" || k[3] == "scale" || k[3] == "container_name") return n == 3
  if (k[3] == "deploy") return n == 4 && (k[4] == "replicas" || k[4] == "restart_policy")
  if (k[3] == "depends_on") return n == 5 && k[5] == "condition"
  if (k[3] == "ports") return n == 5
  if (k[3] == "volumes") return n == 5 && (k[5] == "type" || k[5] == "source")
  return 0
}
function leaf(v, i, p) {
  p = ""
  for (i = 2; i <= depth; i++) p = p path[i] "\t"
  p = p (kind[depth] == "[" ? count[depth]++ : key)
  if (wanted(p)) print p "\t" v
}
{
  rest = $0
  while (rest != "") {
    if (match(rest, /^[ \t\r,:]+/)) { rest = substr(rest, RLENGTH + 1); continue }
    if (!match(rest, /^"([^"\\]|\\.)*"/) && !match(rest, /^[]{}[]/) && !match(rest, /^[^] \t\r,}]+/)) exit 3
    token = substr(rest, 1, RLENGTH)
    rest = substr(rest, RLENGTH + 1)
    if (token == "{" || token == "[") {
      at = depth && kind[depth] == "[" ? count[depth] + 0 : key
      if (depth) leaf(token)
      path[++depth] = at; kind[depth] = token; count[depth] = 0; named = 0
    } else if (token == "}" || token == "]") { depth--; named = 0 }
    else {
      if (token ~ /^"/) token = substr(token, 2, length(token) - 2)
      if (kind[depth] == "{" && !named) { key = token; named = 1 } else { leaf(token); named = 0 }
    }
  }
}'; }

compose_bad() { fail permanent compose_invalid "$@"; }

# read_compose FOLDER FILE ENV: into $tmp/flat, which is empty of secrets; the whole of it goes through a pipe and nowhere else.
read_compose() {
  # What infrakt adds to the file is said with `!override`.
  version=$(docker compose version --short | sed 's/^v//; s/[^0-9.].*//')
  [ "$(printf '%s\n' 2.24.4 "$version" | sort -V | head -n 1)" = 2.24.4 ] ||
    fail permanent compose_too_old "docker compose on $SERVER is $version; compose files need 2.24.4 or newer" "\`infrakt server provision $SERVER --upgrade\`"
  {
    code=0
    env -i PATH="$PATH" HOME="$HOME" LC_ALL=C.UTF-8 docker compose --ansi never -p "$PROJECT" --project-directory "$1" \
      -f "$2" --env-file "$3" config --format json 2>"$tmp/trouble" || code=$?
    echo "$code" >"$tmp/code"
  } | flatten >"$tmp/flat" || compose_bad "what docker compose on $SERVER says about the file of $APP cannot be read"
  sed "s|$1/||g" "$tmp/trouble" >"$tmp/why"
  sed 's/^/| /' "$tmp/why"
  [ "$(cat "$tmp/code")" = 0 ] || compose_bad "the compose file of $APP cannot be used: $(tail -n 1 "$tmp/why")" "\`docker compose config\` shows the same where the file is"
}
# What an uploaded file may not hold: what stands beside it was not uploaded.
refuse_neighbours() {
  bad=$(awk -F '\t' '$1 == "services" && $3 == "build" && NF == 4 { print "the service " $2 " is built (`build`)"; exit }' "$tmp/flat")
  [ "$bad" ] || bad=$(awk -F '\t' -v base="$1" '
    $5 == "source" && (index($6, base "/") == 1 || $6 == base) && $3 == "volumes" { print "the service " $2 " binds a relative path (." substr($6, length(base) + 1) ")"; exit }
    ($1 == "configs" || $1 == "secrets") && $3 == "file" && index($4, base "/") == 1 { print "the file of " $2 " is a relative path (." substr($4, length(base) + 1) ")"; exit }' "$tmp/flat")
  [ -z "$bad" ] || fail permanent compose_refused "the compose file of $APP cannot be used alone: $bad" "what lies beside an uploaded file is not there; deploy from a git repository, where that works"
}
# The service that has the port: the one that was named, or the only one.
choose_main() {
  all=$(awk -F '\t' '$1 == "services" && NF == 3 && $3 == "{" { printf "%s%s", sep, $2; sep = ", " }' "$tmp/flat")
  [ "$all" ] || compose_bad "the compose file of $APP starts no service"
  main=$MAIN_SERVICE
  case $main,$all in
  ,*", "*) fail permanent service_needed "the compose file of $APP has several services: $all" "\`infrakt app edit $APP --service NAME\` says which has the port, the domain and the environment" ;;
  ,*) main=$all ;;
  *) case ", $all, " in *", $main, "*) ;; *) fail permanent service_missing "the compose file of $APP has no service $main; it has: $all" "\`infrakt app edit $APP --service NAME\`" ;; esac ;;
  esac
  mode=$(awk -F '\t' -v main="$main" '$1 == "services" && $2 == main && $3 == "network_mode" { print $4 }' "$tmp/flat")
  case $mode in '' | bridge | default) ;; *) fail permanent network_mode "the service $main of $APP uses network_mode: $mode, and so cannot get a port of its own" "leave that out, or name another service with \`infrakt app edit $APP --service\`" ;; esac
}
# What the control plane is told: names and kinds, and what Docker shows to everybody anyway.
shape() {
  printf 'main\t%s\n' "$main"
  awk -F '\t' -v project="$PROJECT" '
    $1 == "services" && NF == 3 { if ($3 == "{") print "service\t" $2; next }
    $1 == "services" && ($3 == "restart" || $4 == "restart_policy") { print "restarts\t" $2 }
    $1 == "services" && $3 == "build" { print "built\t" $2 }
    $1 == "services" && (($3 == "scale" && $4 != 1) || ($4 == "replicas" && $5 != 1)) { print "scaled\t" $2 }
    $1 == "services" && $3 == "container_name" { print "named\t" $2 }
    $1 == "services" && $3 == "depends_on" && $6 == "service_completed_successfully" { print "awaited\t" $4 }
    $1 == "services" && $3 == "ports" && $6 ~ /^([0-9a-fA-F.:-]+|tcp|udp|sctp)$/ { print "port\t" $2 "\t" $4 "\t" $5 "\t" $6 }
    ($1 == "networks" || $1 == "volumes") && NF == 3 { if ($3 == "{") { kind = substr($1, 1, length($1) - 1); print kind "\t" $2 } }
    ($1 == "networks" || $1 == "volumes") && $3 == "external" && $4 == "true" { print "external\t" $1 "\t" $2 }
    ($1 == "networks" || $1 == "volumes") && $3 == "name" && $4 != project "_" $2 { print "titled\t" $1 "\t" $2 }' "$tmp/flat"
}
# As hexadecimal: a name that is the value of a variable too would be masked on its way.
say_shape() {
  shape >"$tmp/shape"
  parts=0
  for part in $(od -An -v -tx1 "$tmp/shape" | tr -d ' \n' | fold -w 6000); do
    parts=$((parts + 1))
    say "compose.$parts" "$part"
  done
  say compose "$parts"
}
# An image that came from no registry can be pulled from none.
only_here() { [ "$(docker image inspect -f '{{len .RepoDigests}}' "$1" 2>/dev/null)" = 0 ]; }
# pull_services FOLDER: one line a service into its `images`; `-` for one that is still to be built.
pull_services() {
  awk -F '\t' '
    $1 == "services" && NF == 3 && $3 == "{" { order[++n] = $2 }
    $1 == "services" && NF == 4 { if ($3 == "image") image[$2] = $4; if ($3 == "pull_policy") policy[$2] = $4; if ($3 == "build") built[$2] = 1 }
    END { for (i = 1; i <= n; i++) { s = order[i]; print s "|" (built[s] ? "-" : image[s]) "|" policy[s] } }' "$tmp/flat" >"$tmp/services"
  : >"$tmp/pulled"
  (umask 077 && : >"$1/images")
  while IFS='|' read -r service image policy; do
    case $image in
    -)
      printf '%s\t-\n' "$service" >>"$1/images"
      continue ;;
    '' | *[!A-Za-z0-9._/:@+-]*) compose_bad "the image of the service $service of $APP is no image: ${image:-there is none}" ;;
    esac
    case $policy in
    never) docker image inspect "$image" >/dev/null 2>&1 || fail permanent image_missing "there is no image $image on $SERVER, and the service $service must not pull it" ;;
    missing | if_not_present) docker image inspect "$image" >/dev/null 2>&1 || pull "$image" ;;
    *) only_here "$image" || grep -Fxq "$image" "$tmp/pulled" || pull "$image" ;;
    esac </dev/null
    echo "$image" >>"$tmp/pulled"
    exact=$(resolve "$image" </dev/null)
    printf '%s\t%s\n' "$service" "$exact" >>"$1/images"
    say image "$service $exact"
  done <"$tmp/services"
}
# What is done otherwise than the file says, into $differences: one note is all that is shown of a step.
find_differences() {
  differences=
  ports=$(awk -F '\t' '
    $1 == "services" && $3 == "ports" && NF == 6 {
      id = $2 "\t" $4; if (!(id in seen)) { seen[id] = 1; order[++n] = id }
      if ($5 == "published") published[id] = $6
      if ($5 == "host_ip") address[id] = $6
    }
    END { for (i = 1; i <= n; i++) { id = order[i]; if (published[id] != "" && address[id] == "") { split(id, k, "\t"); printf "%s%s %s", sep, k[1], published[id]; sep = ", " } } }' "$tmp/flat")
  [ -z "$ports" ] || differences="$differences; ports without an address are not published: $ports"
  names=$(awk -F '\t' '$1 == "services" && $3 == "container_name" { printf "%s%s", sep, $2; sep = ", " }' "$tmp/flat")
  [ -z "$names" ] || differences="$differences; container_name is left out: $names"
  scaled=$(awk -F '\t' -v main="$main" '$1 == "services" && $2 == main && (($3 == "scale" && $4 > 1) || ($4 == "replicas" && $5 > 1)) { print "yes"; exit }' "$tmp/flat")
  [ -z "$scaled" ] || differences="$differences; $main runs once: it has one port on the server"
}
# fetch_upload: the file alone, as it was given.
fetch_upload() {
  read_compose "$stage" "$stage/docker-compose.yml" "$stage/compose.env"
  refuse_neighbours "$stage"
  choose_main
  find_differences
  pull_services "$stage"
  (umask 077 && printf %s "$main" >"$stage/main" && printf %s "$OVERRIDE" >"$stage/infrakt.yml")
  say_shape
  reference="$(wc -l <"$stage/images") images"
  [ "$(wc -l <"$stage/images")" != 1 ] || reference=$(cut -f 2 "$stage/images")
  reference=$reference$differences
}
# in_repo …: compose in the checkout, with the environment of this release.
in_repo() {
  env -i PATH="$PATH" HOME="$HOME" LC_ALL=C.UTF-8 docker compose --ansi never -p "$PROJECT" --project-directory "$repo" \
    -f "$repo/$compose_file" --env-file "$stage/compose.env" "$@"
}
# fetch_repository: a repository's own file, which may use all that lies beside it. The release keeps one file for all that it includes,
# with paths in the checkout and variables as they are.
fetch_repository() {
  # The app's environment, for a file that asks for `.env` where the repository has none. A link: the folder must not get to hold it.
  dotenv=$repo/.env
  own_env=
  no_link() { case $(readlink "$dotenv" || :) in "$app_dir"/releases/*) rm -f "$dotenv" ;; esac; }
  no_link
  trap 'rm -rf "$tmp"; no_link' EXIT
  [ -e "$dotenv" ] || [ -L "$dotenv" ] || { ln -s "$stage/.env" "$dotenv" && own_env=yes; }
  read_compose "$repo" "$repo/$compose_file" "$stage/compose.env"
  (umask 077 && in_repo config --no-interpolate >"$stage/resolved.yml" 2>"$tmp/why") || compose_bad "the compose file of $APP cannot be used: $(tail -n 1 "$tmp/why")"
  [ -z "$own_env" ] || sed -i "s|$dotenv\$|$release/.env|" "$stage/resolved.yml"
  no_link
  chmod 0600 "$stage/resolved.yml"
  mv -f "$stage/resolved.yml" "$stage/docker-compose.yml"
  choose_main
  find_differences
  pull_services "$stage"
  (umask 077 && printf %s "$main" >"$stage/main" && printf %s "$OVERRIDE" >"$stage/infrakt.yml")
  say_shape
}
