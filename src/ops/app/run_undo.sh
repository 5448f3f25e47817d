# undo restart, start, stop: what ran when the job began runs, and nothing else does.
docker info >/dev/null 2>&1 || fail transient docker_down "docker on $SERVER does not answer"
began_here || already "nothing was changed"
ran_before >"$tmp/ran"
all_mine | sort >"$tmp/all"
sort "$tmp/ran" | comm -12 - "$tmp/all" | xargs -r docker start
mine | grep -vxFf "$tmp/ran" | xargs -r docker stop
# One that was stopped is as it was: nothing more is said.
[ -s "$tmp/ran" ] || exit 0
serving
