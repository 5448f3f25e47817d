# The repository of an app, checked out in repo/ at one commit. The folder stays from deploy to deploy: what is not tracked in it is left
# alone, since containers may keep data there.
repo=$app_dir/repo

# Nobody can be asked anything. Keys are the server's own.
ssh_for_git="ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=20 -o ServerAliveInterval=10 -o ServerAliveCountMax=3"
# The login never leaves memory: git asks this, which reads it where the whole step reads it. Only the repository's own host is answered.
# shellcheck disable=SC2016
git_login='!f() { test "$1" = get || return 0; . "$INFRAKT_IN"; printf "username=%s\npassword=%s\n" "$GIT_USER" "$GIT_PASSWORD"; }; f'
# local_git …: in the checkout (or at $at), and without what runs by itself. $within: seconds after which it is given up, with 124;
# $run: `exec` where it takes the place of its shell.
local_git() {
  # shellcheck disable=SC2086
  ${run:-} ${within:+timeout -k 5 $within} env GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND="$ssh_for_git" git -C "${at:-$repo}" -c 'safe.directory=*' -c core.hooksPath=/dev/null \
    -c core.fsmonitor=false -c gc.autoDetach=false -c maintenance.autoDetach=false -c advice.detachedHead=false \
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
  case $(tr '[:upper:]' '[:lower:]' <"$1") in
  *"no space left on device"*) fail permanent disk_full "the disk of $SERVER is full" "free some space there: \`docker system df\` shows what docker keeps" ;;
  *"permission denied ("* | *"host key verification failed"*)
    fail permanent repository_denied "the login of $SERVER to $GIT_URL was refused: $why" "give the public key of root on $SERVER (\`cat /root/.ssh/*.pub\`; \`ssh-keygen\` makes one) access to the repository, as a deploy key" ;;
  *"authentication failed"* | *"could not read username"* | *"could not read password"* | *"error: 401"* | *"error: 403"* | *"invalid credentials"* | *"access denied"*"token"*)
    fail permanent repository_denied "the login to $GIT_URL was refused" "give the address with a token that may read it: \`infrakt app edit $APP --git https://TOKEN@…\` keeps it sealed" ;;
  *"repository not found"* | *"does not appear to be a git repository"* | *"repository not exported"* | *"' not found"* | *"error: 404"* | *"does not exist"*)
    fail permanent repository_missing "there is no repository $GIT_URL, or it needs a login: $why" "check the address with \`git ls-remote\`; \`infrakt app edit $APP --git URL\` changes it" ;;
  *"ssl certificate"* | *"certificate verif"* | *"unsupported protocol"* | *"transport '"*) fail permanent git_failed "git cannot use $GIT_URL: $why" ;;
  *"could not resolve"* | *"unable to look up"* | *"unable to connect"* | *"unable to access"* | *"failed to connect"* | *"connection "* | *"timed out"* | *"early eof"* | *"hung up"* | *"rpc failed"* | *"operation too slow"* | *"network is unreachable"*)
    fail transient git_unreachable "$SERVER cannot reach $GIT_URL: $why" "check that the git server is up and lets $SERVER in" ;;
  *) fail permanent git_failed "git cannot fetch $GIT_URL: $why" ;;
  esac
}
# list_refs PATTERN…: into $tmp/refs. A short question with a short time: it shows whether anybody is there.
list_refs() {
  code=0
  within=30 at=/
  remote_git ls-remote -q "$GIT_URL" "$@" >"$tmp/refs" 2>"$tmp/git" || code=$?
  within='' at=''
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
# A repository to fetch into, whatever lies there. Its configuration is written anew: the first release's holds the address, with a login
# in it perhaps, and a container that can write here must not run commands of its choice with the next deploy.
prepare_repo() {
  [ ! -L "$repo" ] || rm -f "$repo"
  [ -d "$repo/.git" ] && [ ! -L "$repo/.git" ] || rm -rf "$repo/.git"
  mkdir -p "$repo"
  rm -rf "$repo/.git/config" "$repo/.git/hooks" "$repo/.git/info/attributes" "$repo/.git/objects/info/alternates" "$repo/.git/FETCH_HEAD"
  # Left by one that was killed; nobody else works here.
  [ ! -e "$repo/.git" ] || find "$repo/.git" \( -name '*.lock' -o -name 'tmp_*' \) -type f -delete
  local_git -c init.defaultBranch=main init -q --template=
}
head_of_repo() { [ -d "$repo/.git" ] && local_git rev-parse -q --verify 'HEAD^{commit}' 2>/dev/null || :; }
has_commit() { local_git rev-parse -q --verify "$1^{commit}" >"$tmp/commit" 2>/dev/null; }
# fetch …: seen as it comes, and kept to find out why. Its status is git's. Over git:// and ssh git waits for ever for a server that has
# stopped in the middle: it is given up, with all that it has started, when nothing has come for a while.
silence=60
fetch() {
  rm -f "$tmp/pipe" "$tmp/silent"
  mkfifo "$tmp/pipe"
  tee "$tmp/git" <"$tmp/pipe" &
  seen=$!
  # `timeout` for its process group: a signal to it reaches all of them.
  (run=exec within=86400 && remote_git fetch --no-tags --progress --force "$@") >"$tmp/pipe" 2>&1 &
  fetching=$!
  while sleep 5; do
    size="$(wc -c <"$tmp/git") $(du -sk "$repo/.git" 2>/dev/null | cut -f1)"
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
fetch_all() {
  set -- "$GIT_URL" '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'
  [ ! -s "$repo/.git/shallow" ] || set -- --unshallow "$@"
  fetch "$@" || git_trouble "$tmp/git"
}
# The commit that is wanted, into $commit: of a branch its last one alone, where the server can do that.
fetch_commit() {
  if [ "$GIT_COMMIT" ]; then
    has_commit "$GIT_COMMIT" || {
      [ ${#GIT_COMMIT} = 40 ] && fetch --depth 1 "$GIT_URL" "$GIT_COMMIT" || {
        echo "fetching the whole history: the git server gives no single commit $GIT_COMMIT"
        fetch_all
      }
      has_commit "$GIT_COMMIT" || fail permanent commit_missing "$GIT_URL has no commit $GIT_COMMIT on its branches and tags, or more than one" "give all 40 digits, of a commit that was pushed"
    }
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
# check_out COMMIT
check_out() {
  local_git checkout -q --force --detach "$1" 2>"$tmp/git" || {
    sed 's/^/| /' "$tmp/git"
    git_trouble "$tmp/git"
  }
  [ -e "$repo/.git/infrakt" ] || {
    # Somebody else's checkout: an image whose user is not root must be able to read what is copied from here. Links are left out.
    local_git ls-tree -rdz --name-only HEAD | (cd "$repo" && xargs -0r chmod a+rx --)
    local_git ls-files -sz | sed -zn 's/^100644 [0-9a-f]* 0\t//p' | (cd "$repo" && xargs -0r chmod 0644 --)
    local_git ls-files -sz | sed -zn 's/^100755 [0-9a-f]* 0\t//p' | (cd "$repo" && xargs -0r chmod 0755 --)
    chmod 0755 "$repo"
    : >"$repo/.git/infrakt"
  }
}
# remember_repo FOLDER: how the checkout was before this deploy, once: a second run would see its own work.
remember_repo() {
  [ ! -e "$1/repo.before" ] || return 0
  if [ -e "$release/repo.before" ] && is_ours "$release"; then was=$(cat "$release/repo.before")
  elif [ -e "$repo" ]; then was=$(head_of_repo)
  else was=none; fi
  put "$1/repo.before" "$was"
}
# repo_back FOLDER: the checkout as this job found it.
repo_back() {
  [ -e "$1/repo.before" ] && is_ours "$1" || return 0
  was_at=$(cat "$1/repo.before")
  [ -e "$repo/.git" ] && find "$repo/.git" \( -name '*.lock' -o -name 'tmp_*' \) -type f -delete
  case $was_at in
  none) rm -rf "$repo" ;;
  '') rm -rf "$repo/.git" ;;
  *) [ "$(head_of_repo)" = "$was_at" ] || local_git checkout -q --force --detach "$was_at" || note "$repo could not be set back to $was_at" ;;
  esac
}
