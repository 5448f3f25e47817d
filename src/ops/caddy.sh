# Caddy's files: reading, merging, checking, putting in place.
main_file=/etc/caddy/Caddyfile
managed_file=/opt/infrakt/caddy/Caddyfile

imports_managed() { grep -Eqs "^[[:space:]]*import[[:space:]]+\"?$managed_file\"?[[:space:]]*(#.*)?\$" "$main_file"; }

# One at a time, whoever comes.
lock_caddy() {
  exec 8>>"$state/caddy.lock"
  flock -w 60 8 || fail transient caddy_locked "another process has been changing the routes for a minute"
}

# caddy_merge FILE MARK DOMAINS REMOVED TAKEN [ADOPT [PORTS [KEEP]]]: the file without the blocks behind MARK (`# infrakt INSTALLATION *`
# means those of all its apps) and without blocks that DOMAINS (blanks in between) take over; all of these go to REMOVED as they were.
# What of DOMAINS somebody else's block has goes to TAKEN, unless it is in ADOPT too: then that block gives it up.
# PORTS are those of DOMAINS that lead to a bare port: what the first release wrote for them counts as somebody else's.
# KEEP (`DOMAIN=APP`): routes of apps whose port is not known here: a block for them stays as it is, and gets its mark.
caddy_merge() {
  awk -v mine="$2" -v domains=" $3 " -v removed="$4" -v taken="$5" -v adopt=" ${6:-} " -v ports=" ${7:-} " -v keep=" ${8:-} " '
    function strip(s) { sub(/(^|[ \t])#.*$/, "", s); gsub(/^[ \t]+|[ \t\r]+$/, "", s); return s }
    function plain(a) {
      a = tolower(a); sub(/^https:\/\//, "", a); sub(/\/$/, "", a)
      if (a ~ /^http:\/\//) sub(/:80$/, "", a); else { sub(/:443$/, "", a); if (sub(/:80$/, "", a)) a = "http://" a }
      return a
    }
    function among(list, word) { return index(list, " " word " ") > 0 }
    function is_mine() { return mine ~ / \*$/ ? index(mark, installation) == 1 : mark == mine }
    # The shape in which the first release wrote its routes.
    function first_release() { return mark == "" && count == 1 && lines == 1 && body ~ /^reverse_proxy localhost:[0-9]+$/ }
    # Whose app the block stays for, as it is.
    function kept(   i, rest) {
      for (i = 1; i <= count; i++) {
        rest = index(keep, " " plain(address[i]) "=")
        if (rest) {
          rest = substr(keep, rest + length(plain(address[i])) + 2)
          return substr(rest, 1, index(rest, " ") - 1)
        }
      }
      return ""
    }
    # Somebody else has it: what may be adopted is taken out of its addresses. Whether nothing is left.
    function gives_up(   i, left, given) {
      for (i = 1; i <= count; i++) {
        if (!among(domains, plain(address[i]))) left = left (left == "" ? "" : ", ") address[i]
        else if (among(adopt, plain(address[i]))) given = given (given == "" ? "" : ", ") address[i]
        else {
          print address[i] "\t" plain(address[i]) "\t" mark >taken
          left = left (left == "" ? "" : ", ") address[i]
        }
      }
      if (given == "") return 0
      if (left == "") return 1
      printf "\n%s%s {\n%s", (mark == "" ? "" : mark "\n"), given, inner >removed
      block = left " {\n" inner
      return 0
    }
    function ends(   names, i, app, drop) {
      names = label; sub(/\{$/, "", names); gsub(/[,\t]/, " ", names); gsub(/^ +| +$/, "", names)
      count = (names == "" || names ~ /^[(&]/) ? 0 : split(names, address, / +/)
      hit = bare = 0
      for (i = 1; i <= count; i++) if (among(domains, plain(address[i]))) { hit = 1; if (among(ports, plain(address[i]))) bare = 1 }
      app = hit ? "" : kept()
      if (app != "" && (is_mine() || first_release())) { mark = installation app; drop = 0 }
      else if (is_mine()) drop = 1
      else if (!hit) drop = 0
      else if (index(mark, installation) == 1 || (first_release() && !bare)) drop = 1
      else drop = gives_up()
      if (drop) {
        printf "\n%s%s", (mark == "" ? "" : mark "\n"), block >removed
        sub(/\n+$/, "\n", before)
        if (before == "\n") before = ""
        printf "%s", before
      } else printf "%s%s%s", before, (mark == "" ? "" : mark "\n"), block
      before = mark = block = inner = label = body = ""; lines = 0
    }
    BEGIN {
      installation = mine; sub(/[^ ]*$/, "", installation)
      printf "" >removed; printf "" >taken
    }
    {
      s = strip($0)
      opens = (s == "{" || s ~ /[ \t]\{$/)
      if (depth == 0 && label == "") {
        if ($0 ~ /^[ \t]*# infrakt /) {
          if (mark != "") before = before mark "\n"
          mark = $0; gsub(/^[ \t]+|[ \t\r]+$/, "", mark)
          next
        }
        if (s == "" || s ~ /^import[ \t]/) {
          if (mark != "") { before = before mark "\n"; mark = "" }
          before = before $0 "\n"
          next
        }
      }
      block = block $0 "\n"
      if (depth == 0) {
        label = label (label == "" ? "" : " ") s
        if (opens) depth = 1
        next
      }
      inner = inner $0 "\n"
      if (s ~ /^\}/) {
        if (--depth == 0) { ends(); next }
      } else if (opens) depth++
      if (s != "") { body = s; lines++ }
    }
    END {
      sub(/\n+$/, "\n", before)
      if (before == "\n") before = ""
      printf "%s%s%s", before, (mark == "" ? "" : mark "\n"), block
    }
  ' "$1"
}

# pick DOMAINS: of our own blocks on stdin those for DOMAINS.
pick() { awk -v RS= -v domains=" $1 " '{ split($0, line, "\n"); sub(/ \{$/, "", line[2]); if (index(domains, " " line[2] " ")) printf "\n%s\n", $0 }'; }

# without WORDS WORD: the words but this one.
without() { for word in $1; do [ "$word" = "$2" ] || printf '%s ' "$word"; done; }

# whose MARK: who wrote a block.
whose() {
  case $1 in
  "# infrakt "*)
    mark=${1#\# infrakt }
    echo "a block of another infrakt (${mark%% *})" ;;
  *) echo "a block that infrakt did not write" ;;
  esac
}

# check_caddy MAIN: caddy's own check, as the user and in the environment that caddy runs in: as root, a file that caddy cannot read passes.
check_caddy() {
  user=$(systemctl show -p User --value caddy 2>/dev/null || :)
  user=${user:-caddy}
  home=$(getent passwd "$user" | cut -d: -f6)
  pid=$(systemctl show -p MainPID --value caddy 2>/dev/null || echo 0)
  {
    # By way of stdin: what is in there (tokens of DNS providers) belongs on no command line.
    [ "${pid:-0}" -eq 0 ] || sed -z "s/'/'\\\\''/g; s/^\\([A-Za-z_][A-Za-z0-9_]*\\)=\\(.*\\)\$/export \\1='\\2'/" "/proc/$pid/environ" | tr '\0' '\n'
    printf 'exec caddy validate --adapter caddyfile --config %s\n' "$1"
  } | env -i PATH="$PATH" HOME="${home:-/}" runuser -u "$user" -- sh -s >"$tmp/check" 2>&1
}
# The line of a failed check that says why.
check_says() { { grep '^Error: ' "$tmp/check" || tail -n 1 "$tmp/check"; } | head -n 1 | sed "s|/etc/caddy/\\.infrakt-check[^ :,]*|$main_file|g; s|$managed_file\\.new|$managed_file|g; s/^Error: //"; }

# routes_pass NEW: whether caddy takes the new managed file, with the main file pointing to it; if not, `why` says what it has against it.
routes_pass() {
  check=/etc/caddy/.infrakt-check-$$
  chmod 0644 "$1"
  sed "s|$managed_file|$1|" "$main_file" >"$check"
  chmod 0644 "$check"
  passed=yes
  check_caddy "$check" || passed=
  rm -f "$check"
  [ -z "$passed" ] || return 0
  why=$(check_says)
  return 1
}
# refuse_routes NEW: the new file is not put in place.
refuse_routes() {
  rm -f "$1"
  sed 's/^/| /' "$tmp/check"
  case $why in
  *mbiguous\ site*) fail permanent domain_taken "the main Caddyfile of $SERVER has a site of that name already: $why" "look into $main_file" ;;
  esac
  fail permanent caddyfile_invalid "caddy on $SERVER does not accept the routes: $why" "look into $main_file and $managed_file"
}
# place_routes NEW: the checked file is put in place and caddy reads it; if caddy does not want it the file before goes back.
place_routes() {
  cp -p "$managed_file" "$managed_file.previous"
  sync "$1"
  mv -f "$1" "$managed_file"
  sync "${managed_file%/*}"
  if ! systemctl reload-or-restart caddy; then
    cp -p "$managed_file.previous" "$managed_file.back" && mv -f "$managed_file.back" "$managed_file"
    systemctl reload-or-restart caddy || :
    journalctl -u caddy -n 20 --no-pager -o cat 2>/dev/null | sed 's/^/| /'
    fail permanent caddy_reload "caddy on $SERVER could not be reloaded with the new routes; the routes before are back" "see \`journalctl -u caddy\` on the server"
  fi
}
put_routes() {
  routes_pass "$1" || refuse_routes "$1"
  place_routes "$1"
}
