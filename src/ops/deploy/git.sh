# The repository of an app, checked out in repo/ at one commit. The folder stays from deploy to deploy: what is not tracked in it is left
# alone, since containers may keep data there.
repo=$app_dir/repo
# What git works on: this checkout, or the repository of one of its submodules.
at_top() { tree=$repo git_dir=$repo/.git address=${GIT_URL:-} module=; }
at_top

# Nobody can be asked anything. Keys are the server's own.
ssh_for_git="ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=20 -o ServerAliveInterval=10 -o ServerAliveCountMax=3"
# The login never leaves memory: git asks this, which reads it where the whole step reads it. Only the repository's own host is answered.
# shellcheck disable=SC2016
git_login='!f() { test "$1" = get || return 0; . "$INFRAKT_IN"; printf "username=%s\npassword=%s\n" "$GIT_USER" "$GIT_PASSWORD"; }; f'
# local_git …: without what runs by itself: hooks, submodules, filters of LFS. $within: seconds after which it is given up, with 124;
# $run: `exec` where it takes the place of its shell; $nowhere: in no repository.
local_git() {
  [ "${nowhere:-}" ] || set -- --git-dir="$git_dir" --work-tree="$tree" "$@"
  # What is written in a repository may not send git to the server's own files.
  # shellcheck disable=SC2086
  ${run:-} ${within:+timeout -k 5 $within} env GIT_TERMINAL_PROMPT=0 GIT_LFS_FORCE_PROGRESS=1 GIT_SSH_COMMAND="$ssh_for_git" \
    ${module:+GIT_ALLOW_PROTOCOL=http:https:git:ssh} git -C "${nowhere:-$tree}" -c 'safe.directory=*' -c core.hooksPath=/dev/null \
    -c core.fsmonitor=false -c gc.autoDetach=false -c maintenance.autoDetach=false -c advice.detachedHead=false -c submodule.recurse=false \
    -c filter.lfs.process= -c filter.lfs.smudge= -c filter.lfs.clean= -c filter.lfs.required=false \
    -c http.lowSpeedLimit=1 -c http.lowSpeedTime=30 "$@"
}
# remote_git …: one that talks to the repository's server.
remote_git() {
  if [ "${GIT_ORIGIN:-}" ]; then
    # Neither asked nor told: helpers that would keep the login on the server's disk.
    local_git -c credential.helper= -c "credential.$GIT_ORIGIN.helper=$git_login" "$@"
  else
    local_git "$@"
  fi
}

# git_trouble FILE: what git said, as one failure.
git_trouble() {
  why=$(grep -E '^(fatal|error|ERROR|remote): |^ssh: |Permission denied|Host key verification' "$1" | grep -v 'Could not read from remote repository' | tail -n 1 | sed 's/^\(fatal\|error\|remote\): //')
  [ "$why" ] || why=$(tail -n 1 "$1")
  what=${address:-the repository of $APP} kind=repository failed=git_failed
  token="give the address with a token that may read it: \`infrakt app edit $APP --git https://TOKEN@…\` keeps it sealed"
  check="check the address with \`git ls-remote\`; \`infrakt app edit $APP --git URL\` changes it"
  [ -z "$module" ] || {
    what="$(shown "$address") (the submodule $module of $APP)" kind=submodule failed=submodule_failed
    check="check its address in .gitmodules with \`git ls-remote\`"
    if [ "$(origin "$address")" = "$(origin "${GIT_URL:-}")" ]; then token="give the address of $APP with a token that may read this one too: \`infrakt app edit $APP --git https://TOKEN@…\`"
    else token="the login of $APP is told to the server of its own repository alone: have the submodule there, or give it an ssh address that root on $SERVER has a key for"; fi
  }
  case $(tr '[:upper:]' '[:lower:]' <"$1") in
  *"no space left on device"*) fail permanent disk_full "the disk of $SERVER is full" "free some space there: \`docker system df\` shows what docker keeps" ;;
  *"permission denied ("* | *"host key verification failed"*)
    fail permanent "${kind}_denied" "the login of $SERVER to $what was refused: $why" "give the public key of root on $SERVER (\`cat /root/.ssh/*.pub\`; \`ssh-keygen\` makes one) access to the repository, as a deploy key" ;;
  *"authentication failed"* | *"could not read username"* | *"could not read password"* | *"error: 401"* | *"error: 403"* | *"invalid credentials"* | *"access denied"*"token"*)
    fail permanent "${kind}_denied" "the login to $what was refused" "$token" ;;
  *"repository not found"* | *"does not appear to be a git repository"* | *"repository not exported"* | *"' not found"* | *"error: 404"* | *"does not exist"*)
    fail permanent "${kind}_missing" "there is no repository $what, or it needs a login: $why" "$check" ;;
  *"ssl certificate"* | *"certificate verif"* | *"unsupported protocol"* | *"transport '"*) fail permanent "$failed" "git cannot use $what: $why" ;;
  *"could not resolve"* | *"unable to look up"* | *"unable to connect"* | *"unable to access"* | *"failed to connect"* | *"connection "* | *"timed out"* | *"early eof"* | *"hung up"* | *"rpc failed"* | *"operation too slow"* | *"network is unreachable"*)
    fail transient git_unreachable "$SERVER cannot reach $what: $why" "check that the git server is up and lets $SERVER in" ;;
  *) fail permanent "$failed" "git cannot fetch $what: $why" ;;
  esac
}
# list_refs PATTERN…: into $tmp/refs. A short question with a short time: it shows whether anybody is there.
list_refs() {
  code=0
  within=30 nowhere=/
  remote_git ls-remote -q "$GIT_URL" "$@" >"$tmp/refs" 2>"$tmp/git" || code=$?
  within='' nowhere=''
  [ "$code" != 0 ] || return 0
  sed 's/^/| /' "$tmp/git"
  [ "$code" != 124 ] || fail transient git_unreachable "the server of $GIT_URL does not answer $SERVER" "check that the git server is up and lets $SERVER in"
  git_trouble "$tmp/git"
}
# Which ref is meant: a branch, else a tag. Nothing is touched before that is known.
find_ref() {
  list_refs "refs/heads/$GIT_BRANCH" "refs/tags/$GIT_BRANCH"
  for ref in "refs/heads/$GIT_BRANCH" "refs/tags/$GIT_BRANCH"; do
    ! awk -v ref="$ref" '$2 == ref { found = 1 } END { exit !found }' "$tmp/refs" || return 0
  done
  list_refs
  [ -s "$tmp/refs" ] || fail permanent repository_empty "the repository $GIT_URL is empty" "push something to it first"
  known=$(sed -n 's|.*[[:space:]]refs/heads/||p' "$tmp/refs" | head -n 10 | paste -sd ' ')
  fail permanent branch_missing "$GIT_URL has no branch or tag $GIT_BRANCH" "its branches: ${known:-none}; \`infrakt app edit $APP --branch\` changes it"
}
# own_git: $git_dir as a repository to work with, whatever lies there. Its configuration is written anew: the first release's holds the
# address, with a login in it perhaps, and a container that can write here must not run commands of its choice with the next deploy, or
# have files removed or written elsewhere.
own_git() {
  [ -d "$git_dir" ] && [ ! -L "$git_dir" ] || rm -rf "$git_dir"
  mkdir -p "$git_dir"
  # Links lead elsewhere, as `commondir` does; locks are left by one that was killed. A container may run git here: what goes meanwhile
  # is as well gone.
  find "$git_dir" \( -type l -o -type f \( -name '*.lock' -o -name 'tmp_*' \) \) -delete || :
  for file in config config.worktree commondir hooks info/attributes objects/info/alternates FETCH_HEAD; do rm -rf "${git_dir:?}/$file"; done
  local_git -c init.defaultBranch=main init -q --template=
  [ -e "$git_dir/index" ] || return 0
  local_git ls-files -z >"$tmp/index" 2>/dev/null && ! tr '\n\0' '?\n' <"$tmp/index" | grep -Eq '(^|/)(|\.|\.\.|\.git)(/|$)' || rm -rf "$git_dir/index"
}
prepare_repo() {
  [ ! -L "$repo" ] || rm -f "$repo"
  mkdir -p "$repo"
  own_git
}
head_of_repo() { [ -d "$repo/.git" ] && local_git rev-parse -q --verify 'HEAD^{commit}' 2>/dev/null || :; }
has_commit() { local_git rev-parse -q --verify "$1^{commit}" >"$tmp/commit" 2>/dev/null; }
# watched …: remote_git, seen as it comes, and kept to find out why. Its status is git's. Over git:// and ssh git waits for ever for a
# server that has stopped in the middle: it is given up, with all that it has started, when nothing has come for a while.
silence=60
watched() {
  rm -f "$tmp/pipe" "$tmp/silent"
  mkfifo "$tmp/pipe"
  tee "$tmp/git" <"$tmp/pipe" &
  seen=$!
  # `timeout` for its process group: a signal to it reaches all of them.
  (run=exec within=86400 && remote_git "$@") >"$tmp/pipe" 2>&1 &
  fetching=$!
  while sleep 5; do
    size="$(wc -c <"$tmp/git") $(du -sk "$git_dir" 2>/dev/null | cut -f1)"
    [ "$size" = "${size_before:-}" ] || quiet=0
    size_before=$size quiet=$((quiet + 5))
    [ "$quiet" -le "$silence" ] || { : >"$tmp/silent" && kill "$fetching"; }
  done >/dev/null 2>&1 &
  watch=$!
  code=0
  wait "$fetching" || code=$?
  kill "$watch" 2>/dev/null || :
  wait "$seen" || :
  rm -f "$tmp/pipe"
  [ ! -e "$tmp/silent" ] || printf '\nfatal: operation too slow: nothing came from it for %s s\n' "$silence" >>"$tmp/git"
  return "$code"
}
fetch() { watched fetch --no-tags --no-recurse-submodules --progress --force "$@"; }
fetch_all() {
  set -- "$address" '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'
  [ ! -s "$git_dir/shallow" ] || set -- --unshallow "$@"
  fetch "$@" || git_trouble "$tmp/git"
}
# fetch_exact COMMIT: that one alone, where the server can do that. It may still be missing afterwards.
fetch_exact() {
  ! has_commit "$1" || return 0
  if [ ${#1} = 40 ]; then
    ! fetch --depth 1 "$address" "$1" || return 0
    # Somebody who is not there, or lets nobody in, is not asked again.
    ! grep -qiE 'resolve host|look up|connect|timed out|too slow|authentication failed|could not read (user|pass)|denied|host key' "$tmp/git" || git_trouble "$tmp/git"
  fi
  echo "fetching the whole history: the git server gives no single commit $1"
  fetch_all
}
# The commit that is wanted, into $commit: of a branch its last one alone, where the server can do that.
fetch_commit() {
  if [ "$GIT_COMMIT" ]; then
    fetch_exact "$GIT_COMMIT"
    has_commit "$GIT_COMMIT" || fail permanent commit_missing "$GIT_URL has no commit $GIT_COMMIT on its branches and tags, or more than one" "give all 40 digits, of a commit that was pushed"
  else
    fetch --depth 1 "$GIT_URL" "$ref" || {
      # Plain files over http: such a server knows no depth.
      grep -qi 'shallow' "$tmp/git" || git_trouble "$tmp/git"
      fetch "$GIT_URL" "$ref" || git_trouble "$tmp/git"
    }
    has_commit FETCH_HEAD || fail permanent git_failed "$ref of $GIT_URL is no commit"
  fi
  commit=$(cat "$tmp/commit")
}
# place COMMIT: the files of it into $tree.
place() {
  local_git checkout -q --force --detach "$1" 2>"$tmp/git" || {
    sed 's/^/| /' "$tmp/git"
    git_trouble "$tmp/git"
  }
  [ -e "$git_dir/infrakt" ] || {
    # Somebody else's checkout: an image whose user is not root must be able to read what is copied from here. Links are left out.
    local_git ls-tree -rdz --name-only HEAD | (cd "$tree" && xargs -0r chmod a+rx --)
    local_git ls-files -sz | sed -zn 's/^100644 [0-9a-f]* 0\t//p' | (cd "$tree" && xargs -0r chmod 0644 --)
    local_git ls-files -sz | sed -zn 's/^100755 [0-9a-f]* 0\t//p' | (cd "$tree" && xargs -0r chmod 0755 --)
    chmod 0755 "$tree"
    printf %s "$module" >"$git_dir/infrakt"
  }
}
# check_out COMMIT [ABSENT]: with its submodules and what LFS keeps of it. ABSENT is what is done about what is not here: `fetch`, `fail`
# or `skip`. Nothing of the checkout is touched before all of its submodules are there.
check_out() {
  absent=${2:-fail}
  at_top
  prepare_repo
  find_submodules "$1"
  remove_submodules
  place "$1"
  complete_lfs
  place_submodules
}
# remember_repo FOLDER: how the checkout was before this deploy, once: a second run would see its own work. $first: this is no such run.
remember_repo() {
  first=
  [ ! -e "$1/repo.before" ] || return 0
  if [ -e "$release/repo.before" ] && is_ours "$release"; then was=$(cat "$release/repo.before")
  else
    first=yes was=none
    [ ! -e "$repo" ] || was=$(head_of_repo)
  fi
  put "$1/repo.before" "$was"
}
# repo_back FOLDER: the checkout as this job found it.
repo_back() {
  [ -e "$1/repo.before" ] && is_ours "$1" || return 0
  was_at=$(cat "$1/repo.before")
  case $was_at in
  none) rm -rf "$repo" ;;
  '') rm -rf "$repo/.git" ;;
  *) [ "$(head_of_repo)" = "$was_at" ] && [ ! -e "$repo/.git/modules" ] && [ ! -e "$repo/.git/lfs" ] || (
      fail() { echo "$3" && exit 1; }
      check_out "$was_at" skip
    ) || note "$repo could not be set back to $was_at" ;;
  esac
}
