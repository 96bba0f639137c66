#!/bin/sh
# Installs exactly the system packages of packages.lock, each verified before dpkg sees it.
#
#   install-packages.sh install LOCK WANTED OFFERED KEPT   install; OFFERED and KEPT are folders with <sha256>.deb
#   install-packages.sh check LOCK                         are the image's packages those of the lock, no more, no less?
#
# It runs inside the build, as root. OFFERED is read only and may be empty (the local package cache); KEPT stays between
# builds (a cache mount). Neither can change a byte of the image: only files with the locked SHA-256 are used.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

fail() {
    echo "install-packages: $1" >&2
    shift
    for line in "$@"; do echo "  $line" >&2; done
    exit 1
}

relock='next: invoke lock.packages, look at what moved, commit packages.lock'

# locked KIND...: "name version architecture sha256" of the lock's lines of these kinds
locked() {
    for kind in "$@"; do
        sed -n "s/^$kind //p" "$lock"
    done
}

installed() {
    # shellcheck disable=SC2016 # dpkg-query's own variables
    dpkg-query --show --showformat '${db:Status-Abbrev} ${Package} ${Version}\n' | sed -n 's/^ii  *//p' | sort
}

# differences FROM TO: lines "name old new", with - for absent
differences() {
    join -a 1 -a 2 -e - -o 0,1.2,2.2 "$1" "$2" | awk '$2 != $3'
}

read_lock() {
    lock=$1
    [ "$(sed -n 's/^format //p' "$lock")" = packages-lock/1 ] ||
        fail 'packages.lock has an unknown format' "$relock"
    architecture=$(sed -n 's/^architecture //p' "$lock")
    [ "$architecture" = "$(dpkg --print-architecture)" ] ||
        fail "packages.lock is for $architecture, this image for $(dpkg --print-architecture)" "$relock"
}

check() {
    # an install line stands in for the base's version of the same package
    locked base install | awk '{ version[$1] = $2 } END { for (name in version) print name, version[name] }' |
        sort >"$work/locked"
    installed >"$work/installed"
    differences "$work/locked" "$work/installed" >"$work/differences"
    [ -s "$work/differences" ] || return 0
    while read -r name old new; do
        case $old/$new in
        -/*) echo "install-packages: $name $new is installed, and packages.lock does not have it" ;;
        */-) echo "install-packages: $name $old is in packages.lock, and is not installed" ;;
        *) echo "install-packages: $name is installed at $new, and locked at $old" ;;
        esac >&2
    done <"$work/differences"
    fail 'the image does not hold the locked packages' \
        'next: install packages through packages.txt and invoke lock.packages only, and keep the base image as locked'
}

check_base() {
    locked base | awk '{ print $1, $2 }' | sort >"$work/base"
    installed >"$work/installed"
    differences "$work/base" "$work/installed" >"$work/differences"
    [ -s "$work/differences" ] || return 0
    while read -r name old new; do
        echo "install-packages: the base image has $name $new, packages.lock was made for $old" >&2
    done <"$work/differences"
    fail 'packages.lock was made for another base image' "$relock"
}

check_wanted() {
    locked base install | awk '{ print $1 }' | sort -u >"$work/names"
    sed 's/#.*//' "$1" | awk 'NF { print $1 }' | sort -u | comm -23 - "$work/names" >"$work/unlocked"
    [ ! -s "$work/unlocked" ] ||
        fail "wanted in packages.txt, not in packages.lock: $(tr '\n' ' ' <"$work/unlocked")" "$relock"
}

# verified FILE SHA256
verified() {
    [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d ' ' -f 1)" = "$2" ]
}

# gather OFFERED KEPT: every locked package into $work/debs, verified; what is not at hand comes from the archive
gather() {
    mkdir -p "$work/debs" "$work/fetched/partial"
    : >"$work/missing"
    locked install | while read -r name version arch sha256; do
        for folder in "$1" "$2"; do
            if verified "$folder/$sha256.deb" "$sha256"; then
                cp "$folder/$sha256.deb" "$work/debs/"
                continue 2
            fi
        done
        echo "$name $version $arch $sha256" >>"$work/missing"
    done
    [ ! -s "$work/missing" ] || fetch "$2"
    # what dpkg gets to see is what was hashed here, after every copy
    locked install | while read -r name version _ sha256; do
        verified "$work/debs/$sha256.deb" "$sha256" || fail "$name $version has not the locked SHA-256"
    done
}

fetch() {
    apt-get update --error-on=any >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail 'the Debian archive of the base image can not be read' 'next: check the network and the proxy of the build'
    }
    moved=$(while read -r name version _; do
        apt-cache madison "$name" | awk -F ' *[|] *' -v want="$version" '
            NR == 1 { newest = $2 } $2 == want { found = 1 }
            END { if (!found) print (newest == "" ? "nothing" : newest) }' | sed "s|^|$name $version |"
    done <"$work/missing")
    if [ -n "$moved" ]; then
        echo "$moved" | while read -r name version newest; do
            echo "install-packages: $name is locked at $version, the archive has $newest" >&2
        done
        fail 'the Debian archive moved on' "$relock" \
            'or: build where the local package cache has the locked packages (docs/packages.md)'
    fi
    # shellcheck disable=SC2046 # one word per package
    (cd "$work/fetched" && apt-get download $(awk '{ print $1 "=" $2 }' "$work/missing")) >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail 'the locked packages can not be downloaded' 'next: check the network and the proxy of the build'
    }
    for deb in "$work"/fetched/*.deb; do
        mv "$deb" "$work/fetched/$(sha256sum "$deb" | cut -d ' ' -f 1).deb"
    done
    wrong=$(while read -r name version arch sha256; do
        [ -f "$work/fetched/$sha256.deb" ] || echo "$name $version $arch $sha256"
    done <"$work/missing")
    if [ -n "$wrong" ]; then
        echo "$wrong" | while read -r name version _ sha256; do
            echo "install-packages: $name $version from the archive has not the locked SHA-256 $sha256" >&2
        done
        fail 'a package has other bytes than the lock' \
            'next: find out whether the lock was edited or the archive is wrong; then invoke lock.packages'
    fi
    while read -r _ _ _ sha256; do
        cp "$work/fetched/$sha256.deb" "$work/debs/"
        cp "$work/fetched/$sha256.deb" "$1/.$sha256.new" && mv "$1/.$sha256.new" "$1/$sha256.deb"
    done <"$work/missing"
}

install_gathered() {
    [ -n "$(locked install)" ] || return 0
    # no source and no index: a closure that is not whole must fail here, not be filled up from the archive
    mkdir -p "$work/lists/partial"
    apt-get install --yes --no-install-recommends --allow-downgrades -o "Dir::State::lists=$work/lists" \
        -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=/dev/null "$work"/debs/*.deb >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail 'the locked packages can not be installed; apt says why above' "$relock"
    }
}

# what apt and dpkg leave behind that no program needs, and that would differ from build to build
tidy() {
    rm -f /var/lib/dpkg/*-old /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache
    rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-
    find /var/log -type f -delete
}

work=$(mktemp -d /tmp/install-packages.XXXXXX)
trap 'rm -rf "$work"' EXIT
# apt keeps its index, cache and logs with the work, so that no layer gets them
cat >"$work/apt.conf" <<END
Dir::State::lists "$work/index";
Dir::Cache "$work/cache";
Dir::Log "$work/log.d";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
END
mkdir -p "$work/index/partial" "$work/cache/archives/partial" "$work/log.d"
[ -z "${SSL_CERT_FILE:-}" ] || echo "Acquire::https::CAInfo \"$SSL_CERT_FILE\";" >>"$work/apt.conf"
export APT_CONFIG="$work/apt.conf"

case ${1:-} in
install)
    read_lock "$2"
    check_base
    check_wanted "$3"
    gather "$4" "$5"
    install_gathered
    check
    tidy
    ;;
check)
    read_lock "$2"
    check
    ;;
*)
    fail "usage: install-packages.sh install LOCK WANTED OFFERED KEPT | check LOCK"
    ;;
esac
