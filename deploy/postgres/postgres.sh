#!/bin/sh
# Starts Postgres, and makes its cluster and database where PGDATA has none. POSTGRES_USER, POSTGRES_PASSWORD and
# POSTGRES_DB are as everywhere, but that the password counts at every start: the Secret is the truth of it.
set -eu
umask 077

die() { printf 'postgres: %s\n  next: %s\n' "$1" "$2" >&2; exit 1; }

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
sockets=/var/run/postgresql
[ "$(id -u)" -ne 0 ] || die 'it does not run as root' 'set runAsUser'
for folder in "$(dirname "$PGDATA")" "$sockets" /tmp; do
  [ -w "$folder" ] || die "$folder can't be written by user $(id -u)" 'mount a volume there, and give the pod an fsGroup'
done

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  [ -n "${POSTGRES_PASSWORD:-}" ] || die 'POSTGRES_PASSWORD is not set' 'name the Secret that has it'
  # initdb asks for its user's name, which a user id out of nowhere has not
  if ! getent passwd "$(id -u)" >/dev/null; then
    printf 'postgres:x:%s:%s::/tmp:/bin/sh\n' "$(id -u)" "$(id -g)" >/tmp/passwd
    printf 'postgres:x:%s:\n' "$(id -g)" >/tmp/group
    export NSS_WRAPPER_PASSWD=/tmp/passwd NSS_WRAPPER_GROUP=/tmp/group LD_PRELOAD=libnss_wrapper.so
  fi
  # made beside its place first: a start that is killed must not leave half a cluster
  rm -rf "$PGDATA.new"
  printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
  initdb --pgdata="$PGDATA.new" --username="$user" --pwfile=/tmp/password --encoding=UTF8 --locale=C.UTF-8 \
    --auth-local=trust --auth-host=scram-sha-256 >/dev/null
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>"$PGDATA.new/pg_hba.conf"
  if [ "$database" != postgres ]; then
    printf 'CREATE DATABASE "%s"\n' "$database" | postgres --single -D "$PGDATA.new" postgres >/dev/null
  fi
  mv "$PGDATA.new" "$PGDATA"
  unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
elif [ -n "${POSTGRES_PASSWORD:-}" ]; then
  # a statement that fails is not logged: it has the password
  quoted=$(printf '%s' "$POSTGRES_PASSWORD" | sed "s/'/''/g")
  printf "ALTER ROLE \"%s\" PASSWORD '%s'\n" "$user" "$quoted" |
    postgres --single -c log_min_error_statement=panic -D "$PGDATA" postgres >/dev/null
  unset quoted
fi
unset POSTGRES_PASSWORD
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories="$sockets"
