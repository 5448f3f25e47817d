# database: one variable of the compose file that the first release wrote for a database.
file=/opt/infrakt/apps/$1/docker-compose.yml
if [ -f "$file" ]; then
  awk -v name="$2:" '$1 == name { sub(/^[^:]*: */, ""); printf "@value\t%s\n", $0 }' "$file"
else
  echo @missing
fi
echo @end
