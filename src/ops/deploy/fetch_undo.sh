# undo fetch: sets the checkout back and takes the release's folder away; the app's too, if there is nothing else in it.
if serves && is_ours "$release"; then already "release $DEPLOYMENT serves: it stays"; fi
for folder in "$release.tmp" "$release"; do
  if is_ours "$folder"; then
    repo_back "$folder"
    rm -rf "$folder"
  fi
done
# A staged folder serves nobody, and on a full disk it may lack even the mark that it is ours.
rm -rf "$release.tmp"
rmdir "$app_dir/releases" "$app_dir" 2>/dev/null || :
