
# remove, at last: what the home is to remember.
if [ "$volume" ]; then
  say volume "$volume"
  [ -z "$image" ] || say db_image "$image"
  if [ "$VOLUMES" = yes ]; then note "with $volume"; else note "kept: $volume"; fi
fi
