#!/bin/sh
# Boots one exact source commit in an env image: fetches it by its full id, links the image's node_modules, and becomes
# the manager or the runner (R15). Installs nothing. Every failure has its own exit status and says what to do.
set -eu

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

[ "$(id -u)" -ne 0 ] || fail 10 "this runs as root" "set runAsNonRoot: true and a user id, as the rendered manifests do"
case $commit in
  *[!0-9a-f]* | "") fail 11 "AGENTRUN_BOOT_COMMIT is not a full commit id: '$commit'" "set it to 40 lower-case hex digits" ;;
esac
[ ${#commit} -eq 40 ] || fail 11 "AGENTRUN_BOOT_COMMIT is not a full commit id: '$commit'" "set it to 40 lower-case hex digits"
case $mirror in
  http://* | https://*) ;;
  *) fail 12 "AGENTRUN_MIRROR_READ_URL is not an http(s) URL" "set it to the mirror's read URL" ;;
esac
case $role in
  manager | runner) ;;
  *) fail 13 "AGENTRUN_ROLE is '$role'" "set it to manager or runner" ;;
esac
[ -d "$environment/node_modules" ] || fail 14 "$environment/node_modules is missing" "this is no env image: deploy the digest that the catalog names"
{ mkdir -p "$work/source" "$work/home" && [ -w "$work/source" ]; } 2>/dev/null ||
  fail 15 "$work can't be written" "mount an emptyDir there"

# nothing of the machine's or the user's git configuration counts, and no protocol but the mirror's
export HOME="$work/home" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0 GIT_ALLOW_PROTOCOL=http:https
# a URL may carry credentials: it is shown without them
shown=$(printf '%s' "$mirror" | sed 's#//[^/@]*@#//#')

cd "$work/source"
rm -f .git/*.lock .git/shallow.lock
git init --quiet . || fail 16 "git can't use $work/source" "mount an empty emptyDir at $work"
if ! git cat-file -e "$commit^{commit}" 2>/dev/null; then
  attempt=1
  until git fetch --quiet --depth=1 --no-tags --end-of-options "$mirror" "$commit" 2>"$work/fetch.log"; do
    [ "$attempt" -lt "$tries" ] || {
      sed "s#//[^/@]*@#//#g; s/^/  git: /" "$work/fetch.log" >&2
      fail 17 "$shown does not give the commit $commit" "invoke git-mirror.status; if the mirror is behind: invoke git-mirror.sync"
    }
    sleep "$attempt"
    attempt=$((attempt + 1))
  done
  fetched=$(git rev-parse --verify --quiet 'FETCH_HEAD^{commit}') || fetched=nothing
  [ "$fetched" = "$commit" ] || fail 18 "asked for $commit and got $fetched" "do not trust this mirror; check who writes to it"
fi
git -c advice.detachedHead=false checkout --quiet --force --detach "$commit" || fail 19 "$commit can't be checked out" "see git's message above"
git clean --quiet --force -d -x

for file in package.json bun.lock; do
  cmp -s "$file" "$environment/$file" ||
    fail 20 "$file at $commit is not the env image's" "deploy the image that the catalog names for this commit: invoke plan"
done
ln -s "$environment/node_modules" node_modules

entry=src/$role/main.ts
[ -f "$entry" ] || fail 21 "$entry is not in $commit" "boot a commit that has it"
exec bun "$entry"
