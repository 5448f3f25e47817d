# start: the version that is there comes up.
need_docker
not_foreign
need_version
docker network inspect $network >/dev/null 2>&1 || docker network create $network >/dev/null
keep_before
bring_up -d
say runs yes
