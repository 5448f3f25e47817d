# Submodules. Each has a repository of its own under repo/.git/modules, called after its path, and its files where the commit says; what
# lies there otherwise, `.git/config` of any of them included, is in a container's reach and steers nothing.

at_module() { module=$1 tree=$repo git_dir=$repo/.git/modules/$(printf %s "$1" | sha256sum | cut -c1-20); }

own_module() {
  own_git
  # For whoever looks there; it may be mounted elsewhere.
  local_git config core.worktree "../../../$module"
}

# origin URL: whom a login is for.
origin() { printf %s "$1" | sed -n 's|^\(https\{0,1\}://\)\([^/?#]*@\)\{0,1\}\([^/?#@]*\).*|\1\3|p'; }
# shown URL: without a login.
shown() { printf %s "$1" | sed 's|^\(https\{0,1\}://\)[^/?#]*@|\1|'; }
# address_of BASE URL: of a submodule of a repository that came from BASE, as git resolves it. Where the app has a login, what is at the
# same host over ssh is fetched with it: a server with a key for that host would need no login.
address_of() {
  found=$2 base=${1%/} mark=/
  case $found in
  ./* | ../*)
    while :; do
      case $found in
      ./*) found=${found#./} ;;
      ../*)
        found=${found#../}
        case $base in
        */*) base=${base%/*} ;;
        *) base=${base%:*} mark=: ;;
        esac ;;
      *) break ;;
      esac
    done
    found=$base$mark${found%/} ;;
  esac
  if [ "${GIT_ORIGIN:-}" ]; then
    host=${GIT_ORIGIN#*://}
    over_ssh=$(printf %s "$found" | sed -n 's|^ssh://\([^@/]*@\)\{0,1\}\([^/:]*\)\(:[0-9]*\)\{0,1\}/|\2 |p; t; s|^\([^@/:]*@\)\{0,1\}\([^/:]*\):/\{0,1\}\([^/]\)|\2 \3|p')
    case $over_ssh in "${host%:*} "*) found=$GIT_ORIGIN/${over_ssh#* } ;; esac
  fi
  printf %s "$found"
}
# safe_path PATH: of a folder below the checkout, and no part of a repository.
safe_path() { case /$1/ in *//* | */./* | */../* | */.[gG][iI][tT]/* | *[[:cntrl:]]*) return 1 ;; esac; }
# is_folder PATH: every part of it is a folder of the checkout itself, and no link to elsewhere.
is_folder() {
  folder=$repo parts=$1/
  while [ "$parts" ]; do
    folder=$folder/${parts%%/*} parts=${parts#*/}
    [ -d "$folder" ] && [ ! -L "$folder" ] || return 1
  done
}
make_folder() {
  until is_folder "$1"; do rm -f "$folder" && mkdir "$folder"; done
}

# links COMMIT: its submodules, and what .gitmodules says of them: commit, path, `update`, address.
links() {
  local_git ls-tree -rz "$1" | sed -zn 's/^160000 commit //p' | tr '\n\0' '?\n' >"$tmp/links"
  : >"$tmp/gitmodules"
  [ -s "$tmp/links" ] || return 0
  if local_git cat-file -e "$1:.gitmodules" 2>/dev/null; then
    code=0
    local_git config --blob "$1:.gitmodules" -z --get-regexp '^submodule\..*\.(path|url|update)$' >"$tmp/config" 2>"$tmp/git" || code=$?
    # 1: there is none of these.
    [ "$code" -le 1 ] || [ "$absent" = skip ] || fail permanent submodule_invalid "git cannot read the .gitmodules of ${module:-$APP}: $(tail -n 1 "$tmp/git")" "\`git submodule status\` in the repository says the same"
    tr '\n\0' '\t\n' <"$tmp/config" >"$tmp/gitmodules"
  fi
  awk -F '\t' -v config="$tmp/gitmodules" '
    BEGIN {
      while ((getline line < config) > 0) {
        if (split(line, part, "\t") != 2) continue
        kind = name = part[1]; sub(/^.*\./, "", kind); sub(/^submodule\./, "", name); sub(/\.[^.]*$/, "", name)
        value[name, kind] = part[2]
        if (kind == "path") called[part[2]] = name
      }
    }
    { name = called[$2]; url = value[name, "url"]; update = value[name, "update"]
      print $1 "\t" $2 "\t" (update == "" ? "-" : update) "\t" (!($2 in called) || url == "" ? "-" : url) }' "$tmp/links"
}
# find_submodules COMMIT: into $tmp/submodules, path, commit and address, those that hold others first; each is there then.
find_submodules() {
  : >"$tmp/submodules"
  printf '%s\t%s\t%s\n' . "$1" "${GIT_URL:--}" >"$tmp/parents"
  while IFS=$tab read -r parent holder base <&4; do
    at_top
    [ "$parent" = . ] || at_module "$parent"
    links "$holder" >"$tmp/wanted"
    while IFS=$tab read -r sha path update url <&5; do
      [ "$parent" = . ] || path=$parent/$path
      safe_path "$path" || [ "$absent" = skip ] || fail permanent submodule_invalid "$path cannot be the path of a submodule of $APP"
      safe_path "$path" || continue
      case $update,$url in
      none,*) echo "the submodule $path is left out: .gitmodules says \`update = none\`" && continue ;;
      *,-) echo "$path stays empty: it is a commit of another repository, and no .gitmodules says of which" && continue ;;
      esac
      at_module "$path"
      own_module
      address=$(address_of "$base" "$url")
      [ "$absent" != fetch ] || has_address
      if ! has_commit "$sha"; then
        case $absent in
        fetch) fetch_submodule "$sha" ;;
        fail) fail permanent release_gone "what was fetched of $path, a submodule of $APP, was removed from $SERVER" "deploy again" ;;
        skip) continue ;;
        esac
      fi
      printf '%s\t%s\t%s\n' "$path" "$sha" "$address" >>"$tmp/submodules"
      printf '%s\t%s\t%s\n' "$path" "$sha" "$address" >>"$tmp/parents"
    done 5<"$tmp/wanted"
  done 4<"$tmp/parents"
  at_top
}
# has_address: ends the step where there is one that is not fetched from: what the server itself has, and what would be a command.
has_address() {
  case $address in
  -* | *[[:cntrl:]]*) ;;
  https://* | http://* | ssh://* | git://*) return 0 ;;
  *://*) ;;
  *) # `host:path`, and no `helper::…`
    case ${address%%/*} in ::* | [A-Za-z0-9]*::*) ;; [!:]*:*) return 0 ;; esac ;;
  esac
  fail permanent submodule_refused "the submodule $module of $APP has an address that is not fetched from: $(shown "$address")" "in .gitmodules it may be \`https://\`, \`ssh://\`, \`git@host:path\`, \`git://\` or relative, as \`../other.git\`"
}
fetch_submodule() {
  echo "fetching the submodule $module from $(shown "$address")"
  fetch_exact "$1"
  has_commit "$1" || fail permanent submodule_commit_missing "$(shown "$address") has no commit $1 on its branches and tags, which $APP wants as its submodule $module" "push that commit there, or let the repository of $APP name another one"
}
# remove_submodules: of those that are not wanted any more all that git knows.
remove_submodules() {
  for dir in "$repo"/.git/modules/*; do
    [ ! -f "$dir/infrakt" ] || printf '%s\n' "$(head -c 4096 "$dir/infrakt" | head -n 1)"
  done | sort -r >"$tmp/placed"
  cut -f 1 "$tmp/submodules" >"$tmp/paths"
  while IFS= read -r path <&4; do
    ! grep -Fxq -- "$path" "$tmp/paths" && safe_path "$path" || continue
    at_module "$path"
    [ -f "$git_dir/infrakt" ] || continue
    own_module
    if is_folder "$path"; then
      tree=$repo/$path
      local_git read-tree -u --reset "$(local_git hash-object -t tree --stdin </dev/null)" || rm -f "$git_dir/index"
      rm -rf "$tree/.git"
      rmdir "$tree" 2>/dev/null || echo "$path is no submodule any more: what git does not know in it stays"
    fi
    rm -f "$git_dir/infrakt"
  done 4<"$tmp/placed"
  at_top
}
place_submodules() {
  while IFS=$tab read -r path sha address <&4; do
    at_module "$path"
    make_folder "$path"
    tree=$repo/$path
    place "$sha"
    printf %s "$path" >"$git_dir/infrakt"
    rm -rf "$tree/.git"
    printf 'gitdir: %s%s\n' "$(printf %s "$path/" | sed 's|[^/]*/|../|g')" "${git_dir#"$repo/"}" >"$tree/.git"
    complete_lfs
  done 4<"$tmp/submodules"
  at_top
}
# sweep_repo: takes away what the checkout as it stands does not need: repositories of submodules that it lacks, files of LFS. Done before
# a deploy changes anything: one that fails goes back to it.
sweep_repo() {
  has_commit HEAD || return 0
  sweep_lfs
  [ -e "$repo/.git/modules" ] || return 0
  absent=skip
  find_submodules HEAD >/dev/null
  : >"$tmp/used"
  while IFS=$tab read -r path sha address <&4; do
    at_module "$path"
    sweep_lfs
    echo "$git_dir" >>"$tmp/used"
  done 4<"$tmp/submodules"
  at_top
  for dir in "$repo"/.git/modules/*; do
    grep -Fxq -- "$dir" "$tmp/used" || rm -rf "$dir"
  done
}
