# restart: the containers of the version that is there end and start again; what is missing of them comes up.
need_docker
not_foreign
need_version
keep_before
if [ "$kind" = release ]; then
  [ -z "$(all_mine)" ] || now restart
else
  all_mine | xargs -r docker restart
fi
bring_up -d --no-recreate
say runs yes
