# Git LFS: a repository may keep large files elsewhere, and pointers to them itself.

# with_lfs HOW …: git lfs, HOW being `watched` or `local_git`, as if `git lfs install` had been run, here or not.
with_lfs() {
  how=$1
  shift
  "$how" -c "remote.origin.url=$address" -c 'filter.lfs.clean=git-lfs clean -- %f' -c 'filter.lfs.smudge=git-lfs smudge --skip -- %f' \
    -c 'filter.lfs.process=git-lfs filter-process --skip' -c filter.lfs.required=true lfs "$@"
}
# lines: names of files as lines, with no line end in them.
lines() { tr '\n\0' '?\n'; }
# find_pointers: the files of $tree that should be others, into $tmp/pointers.
find_pointers() {
  : >"$tmp/pointers"
  local_git ls-files -z -- ':(attr:filter=lfs)' | sed -z 's|^|./|' >"$tmp/kept"
  [ -s "$tmp/kept" ] || return 0
  # shellcheck disable=SC2016
  (cd "$tree" && xargs -0 sh -c 'find "$@" -maxdepth 0 -type f -size -1025c -print0' sh <"$tmp/kept" | xargs -0r grep -lZ '^version https://git-lfs.github.com/spec/v1') |
    lines | sed 's|^\./||' >"$tmp/pointers" || :
}
# lfs_setting NAME: what the repository says, one pattern a line.
lfs_setting() { local_git config --blob HEAD:.lfsconfig "lfs.$1" 2>/dev/null | tr ',' '\n' | sed 's/^ *//; s/ *$//' | grep . || :; }
# leave_out: of $tmp/pointers what the repository itself says is not fetched.
leave_out() {
  lfs_setting fetchinclude >"$tmp/include"
  lfs_setting fetchexclude >"$tmp/exclude"
  cat "$tmp/include" "$tmp/exclude" >"$tmp/patterns"
  [ -s "$tmp/include" ] || echo '*' >"$tmp/include"
  local_git ls-files -zci -X "$tmp/include" | lines >"$tmp/included"
  local_git ls-files -zci -X "$tmp/exclude" | lines >"$tmp/excluded"
  grep -Fx -f "$tmp/included" "$tmp/pointers" | grep -Fxv -f "$tmp/excluded" >"$tmp/needed" || :
}
# so_many FILE: the first of its lines, and how many more there are.
so_many() {
  more=$(($(wc -l <"$1") - 1))
  printf %s "${module:+$module/}$(head -n 1 "$1")"
  case $more in
  0) ;;
  1) printf ' and one more file' ;;
  *) printf ' and %s more files' "$more" ;;
  esac
}
lfs_trouble() {
  why=$(tr '\r' '\n' <"$tmp/git" | grep -vE '^$|^(Downloading LFS|Failed to fetch some|error: failed to fetch some)' | tail -n 1 | sed 's/^\(fatal\|error\|remote\): //')
  what="files in Git LFS of ${module:+$module in }$APP"
  case $(tr '[:upper:]' '[:lower:]' <"$tmp/git") in
  *"no space left"*) fail permanent disk_full "the disk of $SERVER is full" "free some space there: \`docker system df\` shows what docker keeps" ;;
  *"does not exist on the server"* | *"object not found"* | *"[404]"*)
    fail permanent lfs_missing "$what are not on its server: $why" "\`git lfs push --all\` from where they are puts them there" ;;
  *"authentication required"* | *"authorization error"* | *"credentials for"* | *"permission denied"* | *"forbidden"* | *"host key verification failed"* | *"access denied"*)
    fail permanent lfs_denied "the login to the $what was refused: $why" "an https address needs a token that may read them: \`infrakt app edit $APP --git https://TOKEN@…\`; over ssh it is the key of root on $SERVER" ;;
  *"connection"* | *"timeout"* | *"timed out"* | *"no such host"* | *"unreachable"* | *"too slow"* | *"hung up"* | *" eof"* | *"could not resolve"* | *"http: 5"* | *"server error"*)
    fail transient git_unreachable "$SERVER cannot fetch the $what: $why" "check that the git server is up and lets $SERVER in" ;;
  *) fail permanent lfs_failed "git lfs cannot fetch the $what: $why" "\`git lfs pull\` in a new clone says the same" ;;
  esac
}
# complete_lfs: the files themselves in the place of pointers. One that is left by mistake would end in an image and be found there by
# the app's users, so it ends the deploy; what no image needs the repository itself can leave out, where `git lfs` looks too.
complete_lfs() {
  find_pointers
  [ -s "$tmp/pointers" ] || return 0
  leave_out
  if local_git lfs version >/dev/null 2>&1; then
    if [ "$absent" = fetch ]; then
      # As with submodules: what the server itself has is not fetched from.
      ! local_git config --blob HEAD:.lfsconfig --get-regexp 'url$' 2>/dev/null | grep -qvE ' (https?|ssh)://' ||
        fail permanent lfs_refused "the .lfsconfig of ${module:-$APP} has an address that is not fetched from" "it may be \`https://\` or \`ssh://\`"
      with_lfs watched pull || lfs_trouble
    else with_lfs local_git checkout || :; fi
    find_pointers
    # Whose patterns mean something else to git-lfs is not held to ours.
    if [ -s "$tmp/patterns" ]; then : >"$tmp/needed"; else cp "$tmp/pointers" "$tmp/needed"; fi
    [ ! -s "$tmp/needed" ] || [ "$absent" = skip ] || fail permanent lfs_failed "git lfs has not fetched $(so_many "$tmp/needed") of $APP" "\`git lfs pull\` in a new clone does the same"
  elif [ -s "$tmp/needed" ] && [ "$absent" != skip ]; then
    fail permanent no_git_lfs "$APP keeps $(so_many "$tmp/needed") in Git LFS, and $SERVER has no git-lfs" "\`apt-get install git-lfs\` on $SERVER; what the app does not need there \`lfs.fetchexclude\` in the repository's .lfsconfig leaves out"
  fi
  [ ! -s "$tmp/pointers" ] || echo "left as it is, a pointer to Git LFS: $(so_many "$tmp/pointers")"
}
# sweep_lfs: what the commit that is checked out does not need.
sweep_lfs() {
  rm -rf "$git_dir/lfs/tmp"
  [ -d "$git_dir/lfs/objects" ] && local_git lfs ls-files -l HEAD >"$tmp/lfs" 2>/dev/null || return 0
  cut -d ' ' -f 1 "$tmp/lfs" >"$tmp/oids"
  find "$git_dir/lfs/objects" -type f | while read -r file; do
    grep -Fxq -- "${file##*/}" "$tmp/oids" || rm -f "$file"
  done
}
