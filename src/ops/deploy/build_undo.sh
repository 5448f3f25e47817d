# undo build: takes away what this job built. What the builder keeps for the next one stays.
if serves && is_ours "$release"; then already "release $DEPLOYMENT serves: it stays"; fi
docker info >/dev/null 2>&1 || fail transient docker_down "docker on $SERVER does not answer"
docker images -q --filter "label=infrakt.job=$JOB" | sort -u | xargs -r docker rmi -f >/dev/null || :
