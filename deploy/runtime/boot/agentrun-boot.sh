#!/bin/sh
# Boots one exact source commit in an env image: fetches it by its full id, links the image's node_modules, and becomes
# the manager or the runner (R15). Installs nothing. Every failure has its own exit status and says what to do.
set -eu
umask 077

fail() { # STATUS WHAT NEXT
  printf 'boot: %s\n  next: %s\n' "$2" "$3" >&2
  exit "$1"
}

commit=${AGENTRUN_BOOT_COMMIT:-}
mirror=${AGENTRUN_MIRROR_READ_URL:-}
role=${AGENTRUN_ROLE:-manager}
work=${AGENTRUN_WORK_DIR:-/var/lib/agentrun}
environment=${AGENTRUN_ENV_DIR:-/opt/agentrun/env}
tries=${AGENTRUN_FETCH_TRIES:-5}
deadline=${AGENTRUN_FETCH_SECONDS:-60} # of one try
# a URL may carry credentials: what is shown has none
without_credentials='s#//[^/[:space:]]*@#//#g'

[ "$(id -u)" -ne 0 ] || fail 10 "this runs as root" "set runAsNonRoot: true and a user id, as the rendered manifests do"
case $commit in
  *[!0-9a-f]* | "") well_formed=no ;;
  *) [ ${#commit} -eq 40 ] && well_formed=yes || well_formed=no ;;
esac
[ $well_formed = yes ] ||
  fail 11 "AGENTRUN_BOOT_COMMIT is not a full commit id: '$commit'" "set it to 40 lower-case hex digits: git rev-parse HEAD"
case $mirror in
  http://* | https://*) ;;
  *) fail 12 "AGENTRUN_MIRROR_READ_URL is not an http(s) URL" "set it to the mirror's read URL" ;;
esac
case $role in
  manager | runner) ;;
  *) fail 13 "AGENTRUN_ROLE is '$role'" "set it to manager or runner" ;;
esac
[ -d "$environment/node_modules" ] ||
  fail 14 "$environment/node_modules is missing" "this is no env image: deploy the digest that the catalog names"
command -v bun >/dev/null || fail 14 "bun is not on PATH" "this is no env image: deploy the digest that the catalog names"
source=$work/source store=$work/git
# the tree is always made anew: what a former run changed or left there must not be booted
{ rm -rf "$source" && mkdir -p "$source" "$work/home"; } 2>/dev/null ||
  fail 15 "$work can't be written" "mount an emptyDir there, writable for user $(id -u)"
export HOME="$work/home"
cd "$source"

# a variable of git's that was set for something else must not steer this git, nor trace its requests
unset $(env | sed -n 's/^\(GIT_[A-Z0-9_]*\)=.*/\1/p')
stored() { # git on the store, with no one's configuration and no protocol but the mirror's
  LC_ALL=C GIT_DIR=$store GIT_WORK_TREE=$source GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0 \
    GIT_ALLOW_PROTOCOL=http:https timeout "$deadline" git -c http.followRedirects=false "$@"
}

new_store() {
  { rm -rf "$store" && stored init --quiet --template=; } ||
    fail 16 "git can't use $store" "see the message above; is the volume at $work full?"
}

# Of a former run only the objects are kept, not what steered its git; a restart in the same volume needs no mirror,
# if every object still hashes to its name.
rm -rf "$store/config" "$store/index" "$store/hooks" "$store"/*.lock 2>/dev/null || new_store
stored init --quiet --template= 2>/dev/null || new_store
if ! { stored cat-file -e "$commit" && stored fsck --no-dangling --no-progress; } >/dev/null 2>&1; then
  new_store
  attempt=1
  until said=$(stored fetch --quiet --depth=1 --no-tags --end-of-options "$mirror" "$commit" 2>&1); do
    [ "$attempt" -lt "$tries" ] && sleep "$attempt" && attempt=$((attempt + 1)) && continue
    printf '%s\n' "$said" | sed "$without_credentials; s/^/  git: /" >&2
    shown=$(printf '%s' "$mirror" | sed "$without_credentials")
    stored ls-remote --quiet --end-of-options "$mirror" >/dev/null 2>&1 ||
      fail 17 "the mirror can't be read: $shown" "check its Service, the NetworkPolicy and the URL; then: invoke git-mirror.status"
    fail 18 "$shown does not give the commit $commit" "if invoke git-mirror.status says it is behind: invoke git-mirror.sync"
  done
fi
[ "$(stored cat-file -t "$commit")" = commit ] ||
  fail 19 "$commit is no commit but another object" "set AGENTRUN_BOOT_COMMIT to what git rev-parse 'NAME^{commit}' prints"

# what the identity hashed is the blob, so that is what is compared
for file in package.json bun.lock tsconfig.json; do
  stored cat-file blob "$commit:$file" 2>/dev/null | cmp -s - "$environment/$file" ||
    fail 20 "$file at $commit is not the env image's" "deploy the image that the catalog names for this commit: invoke plan"
done
stored checkout --quiet --force --detach "$commit" ||
  fail 22 "$commit can't be checked out" "see git's message above; is the volume at $work full?"

entry=src/$role/main.ts
[ -f "$entry" ] || fail 21 "$entry is not in $commit" "boot a commit that has it"
rm -rf node_modules
ln -s "$environment/node_modules" node_modules
exec bun --no-install "$entry"
