
# A query with the password, over the network as apps do it: many images let everybody in from within the container itself. The
# container knows its password, so none of it is in the words of a command.
# shellcheck disable=SC2016
case $KIND in
postgres) program=psql query='PGPASSWORD=$POSTGRES_PASSWORD PGCONNECT_TIMEOUT=10 psql -w -h "$1" -p "$2" -U "$POSTGRES_USER" -d "$POSTGRES_DB" -Atqc "select 1"' ;;
mysql) program='mysql mariadb' query='MYSQL_PWD=$MYSQL_PASSWORD $program -h "$1" -P "$2" -u "$MYSQL_USER" -D "$MYSQL_DATABASE" --connect-timeout=10 -Nse "select 1"' ;;
redis) program='redis-cli valkey-cli' query='REDISCLI_AUTH=$REDIS_PASSWORD $program -h "$1" -p "$2" --no-auth-warning ping | grep -x PONG' ;;
mongo) program=mongosh query='mongosh --quiet --nodb --eval "
  const word = name => encodeURIComponent(process.env[name]);
  const login = word(\"MONGO_INITDB_ROOT_USERNAME\") + \":\" + word(\"MONGO_INITDB_ROOT_PASSWORD\");
  const url = \"mongodb://\" + login + \"@$1:$2/?authSource=admin&serverSelectionTimeoutMS=10000\";
  if (new Mongo(url).getDB(\"admin\").runCommand({ listDatabases: 1, nameOnly: true }).ok !== 1) quit(1);"' ;;
*) fail permanent kind_unknown "this version of infrakt knows no databases of the kind $KIND" ;;
esac
query="for program in $program; do command -v \$program >/dev/null && break; program=; done; [ \"\$program\" ] || exit 127; $query"
ask() { timeout 30 docker exec "$1" sh -c "$query" sh "$2" "$PORT" >"$tmp/answer" 2>&1; }
address_of() { docker inspect -f "{{with index .NetworkSettings.Networks \"$network\"}}{{.IPAddress}}{{end}}" "$1" 2>/dev/null; }
# await_answer CONTAINER: until it answers, while it goes on running.
await_answer() {
  end=$(($(seconds) + HEALTH_TIMEOUT))
  while :; do
    still_runs "$1" "before it answered"
    address=$(address_of "$1")
    if [ "$address" ]; then
      code=0
      ask "$1" "$address" || code=$?
      [ "$code" != 0 ] || return 0
      [ "$code" != 127 ] || fail permanent client_missing "the image of $APP has none of the clients that could ask it: $program" "take an image that keeps the official one's programs"
    else
      echo "it has no address in the network $network" >"$tmp/answer"
    fi
    [ "$(seconds)" -lt "$end" ] || break
    sleep 0.5
  done
  last_lines "$1"
  echo "what it answered last:"
  sed 's/^/| /' "$tmp/answer"
  case $(tr '[:upper:]' '[:lower:]' <"$tmp/answer") in
  *"password authentication failed"* | *"access denied"* | *wrongpass* | *noauth* | *"authentication failed"*)
    fail permanent password_wrong "$APP does not take its password: its data was made with another one" "the data is as it was" ;;
  esac
  fail permanent no_answer "$APP does not answer a query within $HEALTH_TIMEOUT s" "its last lines are in the log"
}
