#!/bin/sh
# Begins as the official images of postgres, mysql and redis do: the same variables, folders, ports and users, the same order at a first
# start (nobody is let in over the network before everything is set up), the same doing without when the data folder has data.
set -eu
as() { # USER COMMAND…
  if [ "$(id -u)" = 0 ]; then
    user=$1
    shift
    exec setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"
  fi
  shift
  exec "$@"
}

case ${1:-} in
postgres)
  : "${PGDATA:=/var/lib/postgresql/data}"
  chown postgres: "$PGDATA"
  chmod 700 "$PGDATA"
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    [ "${POSTGRES_PASSWORD:-}" ] || { echo "Error: Database is uninitialized and superuser password is not specified." >&2; exit 1; }
    user=${POSTGRES_USER:-postgres}
    passwords=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" >"$passwords"
    chown postgres "$passwords"
    (as postgres initdb -D "$PGDATA" --username="$user" --pwfile="$passwords" --no-sync)
    rm -f "$passwords"
    printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
    (as postgres pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start)
    database=${POSTGRES_DB:-$user}
    printf "SELECT 'CREATE DATABASE ' || quote_ident(:'db') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'db')\n\\gexec\n" |
      psql -v ON_ERROR_STOP=1 --no-psqlrc -U "$user" -d postgres -v db="$database"
    (as postgres pg_ctl -D "$PGDATA" -m fast -w stop)
    echo "PostgreSQL init process complete; ready for start up."
  fi
  as postgres "$@" -D "$PGDATA" -c listen_addresses='*' -c jit=off
  ;;
mysqld)
  shift
  data=/var/lib/mysql
  chown mysql: "$data"
  if [ ! -d "$data/mysql" ]; then
    [ "${MYSQL_ROOT_PASSWORD:-}" ] || { echo "[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified" >&2; exit 1; }
    [ "${MYSQL_USER:-}" != root ] || { echo '[ERROR] [Entrypoint]: MYSQL_USER="root", MYSQL_USER and MYSQL_PASSWORD are for configuring a regular user' >&2; exit 1; }
    mariadb-install-db --user=mysql --datadir="$data" --skip-test-db --auth-root-authentication-method=normal --skip-log-bin >/dev/null
    quoted() { printf %s "$1" | sed "s/[\\\\']/\\\\&/g"; }
    {
      echo "FLUSH PRIVILEGES;"
      echo "ALTER USER 'root'@'localhost' IDENTIFIED BY '$(quoted "$MYSQL_ROOT_PASSWORD")';"
      echo "CREATE USER 'root'@'%' IDENTIFIED BY '$(quoted "$MYSQL_ROOT_PASSWORD")';"
      echo "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
      [ -z "${MYSQL_DATABASE:-}" ] || echo "CREATE DATABASE \`$MYSQL_DATABASE\`;"
      if [ "${MYSQL_USER:-}" ] && [ "${MYSQL_PASSWORD:-}" ]; then
        echo "CREATE USER '$MYSQL_USER'@'%' IDENTIFIED BY '$(quoted "$MYSQL_PASSWORD")';"
        [ -z "${MYSQL_DATABASE:-}" ] || echo "GRANT ALL ON \`$(printf %s "$MYSQL_DATABASE" | sed 's/_/\\_/g')\`.* TO '$MYSQL_USER'@'%';"
      fi
    } | mariadbd --bootstrap --user=mysql --datadir="$data"
    echo "[Note] [Entrypoint]: MySQL init process done. Ready for start up."
  fi
  exec mariadbd --user=mysql --datadir="$data" --bind-address=0.0.0.0 --port=3306 --socket=/run/mysqld/mysqld.sock "$@"
  ;;
-* | *.conf)
  set -- redis-server "$@"
  ;;
esac
case $1 in
redis-server)
  cd /data
  [ "$(id -u)" != 0 ] || chown -R redis: .
  as redis "$@" --protected-mode no
  ;;
*) exec "$@" ;;
esac
