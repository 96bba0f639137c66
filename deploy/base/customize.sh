#!/bin/sh
# Finishes the base image's root file system ($1): takes out what the machine that builds it left behind.
set -eu
root=$1
rm -f "$root/etc/resolv.conf" "$root/etc/hostname" "$root/etc/apt/sources.list"
rm -f "$root"/etc/passwd- "$root"/etc/group- "$root"/etc/shadow- "$root"/etc/gshadow-
rm -f "$root"/var/lib/dpkg/*-old "$root"/var/cache/debconf/*-old "$root/var/cache/ldconfig/aux-cache"
chmod 0644 "$root/etc/apt/sources.list.d/debian.sources"
chown 0:0 "$root/etc/apt/sources.list.d/debian.sources"
find "$root/var/log" -type f -delete
: >"$root/etc/machine-id"
chmod 0444 "$root/etc/machine-id"
