# Runs as root on a living ready server: puts the stand-ins for the official databases' images into its registry. They are one root
# folder (/root/databases.tar) under several names.
#   127.0.0.1:5000/postgres:16 and :15   127.0.0.1:5000/mysql:8   127.0.0.1:5000/redis:7-alpine
until curl -fsS -o /dev/null http://127.0.0.1:5000/v2/; do sleep 0.2; done
publish() { # IMAGE CHANGE…
  image=127.0.0.1:5000/$1
  shift
  set -- -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' -c 'ENTRYPOINT ["docker-entrypoint.sh"]' "$@"
  docker import "$@" /root/databases.tar "$image" >/dev/null
  docker push -q "$image" >/dev/null
  docker rmi -f "$image" >/dev/null
}
for tag in 16 15; do
  publish postgres:$tag -c 'CMD ["postgres"]' -c 'EXPOSE 5432' -c 'VOLUME /var/lib/postgresql/data' -c 'ENV PGDATA=/var/lib/postgresql/data' -c 'STOPSIGNAL SIGINT'
done
publish mysql:8 -c 'CMD ["mysqld"]' -c 'EXPOSE 3306' -c 'VOLUME /var/lib/mysql'
publish redis:7-alpine -c 'CMD ["redis-server"]' -c 'EXPOSE 6379' -c 'VOLUME /data' -c 'WORKDIR /data'
rm -f /root/databases.tar
