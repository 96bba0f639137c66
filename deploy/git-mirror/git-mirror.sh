#!/bin/bash
# Starts the git mirror's two doors, and makes the lane's bare repository where the cache has none.
# GIT_MIRROR_REPOSITORY is its path below the cache, as pikasTech/agentrun.git.
set -euo pipefail

cache=${GIT_MIRROR_CACHE:-/cache}
repository=${GIT_MIRROR_REPOSITORY:-}
export HOME=/tmp

die() { printf 'git-mirror: %s\n  next: %s\n' "$1" "$2" >&2; exit 1; }

case "/$repository/" in
*/../* | */./* | *//?*) die "GIT_MIRROR_REPOSITORY is $repository" 'give a path below the cache, as owner/name.git' ;;
esac
[ -w "$cache" ] || die "$cache can't be written by user $(id -u)" 'give the pod an fsGroup, or mount a volume it owns'
[ -w /tmp ] || die "/tmp can't be written" 'mount an emptyDir there'

# made beside its place first: a killed start must not leave half a repository
if [ -n "$repository" ] && [ ! -e "$cache/$repository/HEAD" ]; then
  target=$cache/$repository
  mkdir -p "$(dirname "$target")"
  rm -rf "$target.new" "$target"
  git init --quiet --bare --template= "$target.new"
  mv "$target.new" "$target"
fi
if [ -n "$repository" ]; then
  # every fetch is by full id, and no push may lose a commit; who may push is the door's affair, not the repository's
  git -C "$cache/$repository" config uploadpack.allowAnySHA1InWant true
  git -C "$cache/$repository" config uploadpack.allowFilter true
  git -C "$cache/$repository" config receive.denyNonFastForwards true
  git -C "$cache/$repository" config receive.denyDeletes true
  git -C "$cache/$repository" config gc.auto 0
  # in the image, where no push and no other user of the cache can change it
  git -C "$cache/$repository" config core.hooksPath /opt/git-mirror/hooks
fi

rm -rf /tmp/git-mirror && mkdir /tmp/git-mirror
socket=/tmp/git-mirror/fcgiwrap.sock
stopped=
fcgiwrap -f -c "${GIT_MIRROR_WORKERS:-8}" -s "unix:$socket" &
backend=$!
for _ in $(seq 100); do [ -S "$socket" ] && break; sleep 0.05; done
nginx -p /tmp/git-mirror -e stderr -c /opt/git-mirror/nginx.conf &
doors=$!
trap 'stopped=yes' TERM INT
# whichever ends first ends the pod; a signal ends the wait
wait -n "$backend" "$doors" && status=0 || status=$?
# the doors close first, so that a push under way comes to its end
kill -QUIT "$doors" 2>/dev/null || true
wait "$doors" 2>/dev/null || true
kill "$backend" 2>/dev/null || true
[ -z "$stopped" ] || exit 0
printf 'git-mirror: a door ended with status %s\n' "$status" >&2
exit 1
