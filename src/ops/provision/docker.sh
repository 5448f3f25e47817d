# docker: Docker Engine with the compose plugin, running and started at boot; and git, which deploys from repositories need.
compose_works() { docker compose version >/dev/null 2>&1; }
facts() {
  engine=$(docker version -f '{{.Server.Version}}') compose=$(docker compose version --short)
  say docker "$engine"
  say compose "$compose"
}
# The distribution's own packages, where its compose is the second one.
distro_packages() {
  case $os in
  debian) case $(candidate docker-compose) in '' | 0.* | 1.*) ;; *) echo docker.io docker-cli docker-compose ;; esac ;;
  ubuntu) [ -z "$(candidate docker-compose-v2)" ] || echo docker.io docker-compose-v2 ;;
  esac
}
vendor_packages="docker-ce docker-ce-cli containerd.io docker-buildx-plugin docker-compose-plugin"
vendor_url=https://download.docker.com/linux/$os

[ ! -e /snap/bin/docker ] || fail permanent docker_foreign "docker on $SERVER is a snap, whose containers cannot read /opt/infrakt" "remove it (\`snap remove docker\`) and provision again"
# Whose program `docker` is
provided_by() {
  path=$(command -v docker) || return 0
  for path in "$path" "$(readlink -f "$path")"; do
    owner=$(dpkg-query -S "$path" 2>/dev/null | sed -n '/^diversion /d; s/^\([^:,]*\)[:,].*/\1/p' | head -n 1)
    [ -z "$owner" ] || break
  done
  case $owner,$(docker --version 2>/dev/null) in
  podman-docker,* | ,*podman*) echo podman ;;
  *) echo "$owner" ;;
  esac
}

provider=$(provided_by)
if [ "$provider" = podman ]; then
  away="remove what stands under that name ($(command -v docker))"
  ! installed podman-docker || away="\`apt-get remove podman-docker\`"
  fail permanent docker_foreign "\`docker\` on $SERVER is podman, and infrakt needs Docker itself" "$away there and provision again: podman and its containers stay, and Docker comes beside them"
fi
repair
if command -v docker >/dev/null && compose_works && command -v git >/dev/null && running docker && docker info >/dev/null 2>&1; then
  facts
  already "docker $engine, compose $compose"
fi

if command -v docker >/dev/null; then
  # Docker is there: only what it lacks is added, from where it came.
  if ! compose_works; then
    if installed docker-ce-cli; then install_packages docker-compose-plugin
    elif installed docker.io; then
      packages=$(distro_packages)
      [ "$packages" ] || fail permanent no_compose "$os $os_version has no compose v2 for its own docker" "install Docker's own packages, or provision a newer $os"
      # shellcheck disable=SC2086
      install_packages $packages
    else
      from="no package"
      [ -z "$provider" ] || from="the package $provider"
      fail permanent docker_foreign "docker on $SERVER is from $from, and its compose plugin is missing" "install the plugin as Docker's manual says, then provision again"
    fi
  fi
else
  from=
  if [ "$PACKAGES" != distro ]; then
    if [ "$(candidate docker-ce)" ]; then from=vendor
    elif answers "$vendor_url/dists/$codename/Release" &&
      add_source docker "$vendor_url" "$vendor_url/gpg" "$codename" stable; then from=vendor
    elif [ "$PACKAGES" = vendor ]; then
      fail transient vendor_unreachable "Docker's package repository has no answer for $os $codename on $SERVER" "use \`--packages auto\` or \`--packages distro\`"
    else note "Docker's own package repository does not answer: using $os's packages"; fi
  fi
  if [ "$from" = vendor ]; then packages=$vendor_packages; else packages=$(distro_packages); fi
  [ "$packages" ] || fail permanent no_compose "$os $os_version has no compose v2 among its packages, and Docker's own repository is not used or does not answer; nothing was installed" "let $SERVER reach download.docker.com, or use Debian 13 or a newer Ubuntu"
  [ "$from" = vendor ] || [ -z "$(candidate docker-buildx)" ] || packages="$packages docker-buildx"
  # shellcheck disable=SC2086
  install_packages $packages git ca-certificates
fi
command -v git >/dev/null || install_packages git ca-certificates
systemctl enable --now docker
until_ok 60 docker info || {
  journalctl -u docker -n 20 --no-pager -o cat 2>/dev/null | sed 's/^/| /'
  fail permanent docker_down "docker is installed on $SERVER but does not start" "see \`journalctl -u docker\` there"
}
compose_works || fail permanent no_compose "docker on $SERVER has no working compose plugin"
facts
note "docker $engine, compose $compose"
