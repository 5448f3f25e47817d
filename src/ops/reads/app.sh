# app: the containers of one compose project, running or not, and those that came from the app's folder. PROJECT FOLDER
# shellcheck shell=sh disable=SC1091
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
t=$(printf '\t')
command -v docker >/dev/null || { echo "@missing"; echo @end; exit 0; }
ids=$(
  for filter in "project=$1" "project.working_dir=$2" "project.working_dir=$2/repo"; do
    docker ps -aq --no-trunc --filter "label=com.docker.compose.$filter" || exit 1
  done
) || exit 1
ids=$(printf '%s\n' "$ids" | awk '!seen[$0]++')
# shellcheck disable=SC2086
[ -z "$ids" ] || docker inspect -f "@container$t{{.ID}}$t{{.Name}}$t{{.Config.Image}}$t{{.State.Status}}$t{{.State.ExitCode}}$t{{.RestartCount}}$t{{if .State.Health}}{{.State.Health.Status}}{{end}}$t{{.State.StartedAt}}$t{{index .Config.Labels \"com.docker.compose.service\"}}$t{{index .Config.Labels \"infrakt.deployment\"}}$t{{index .Config.Labels \"infrakt.installation\"}}$t{{index .Config.Labels \"com.docker.compose.project.working_dir\"}}" $ids
echo @end
