#!/bin/sh
# Stack the layers of .schannel/ and run a command inside. Started by `unshare --mount --pid`, so
# that every mount and process below ends with it.
#
#   enter.sh CACHE LAYERS DRIVE PROJECT COMMAND...
#
# LAYERS: names in CACHE, the uppermost first, joined by ':'. Changes are forgotten, but for those
# below the folder DRIVE, which then holds Wine's C: drive ('-': the layers have it).
set -eu
cache=$1 layers=$2 drive=$3 project=$4
shift 4

fail() {
  echo "schannel: $1" >&2
  exit 70
}

mount --make-rprivate / || fail 'cannot make private mounts: run as root'
stage=/mnt
mount -t tmpfs -o mode=755 tmpfs "$stage" || fail 'cannot mount a tmpfs'
top=$stage/top
mkdir "$top" "$stage/upper" "$stage/work"
lower=
IFS=:
for layer in $layers; do lower=$lower:$cache/$layer; done
unset IFS
mount -t overlay -o "lowerdir=${lower#:},upperdir=$stage/upper,workdir=$stage/work" overlay "$top" ||
  fail 'this kernel cannot mount an overlay here'

mkdir -p "$top/project" "$top/pycache" "$top/windows/prefix" "$cache/pycache"
mount -t proc proc "$top/proc"
mount --rbind /dev "$top/dev"
mount --rbind /sys "$top/sys"
mount --bind "$cache/pycache" "$top/pycache"
mount --bind "$project" "$top/project"
mount -o remount,bind,ro "$top/project"
[ "$drive" = - ] || mount --bind "$drive" "$top/windows/prefix"
for file in resolv.conf hosts; do
  rm -f "$top/etc/$file"
  cp -L "/etc/$file" "$top/etc/$file" 2>/dev/null || :
done
chroot "$top" "$@"  # no exec: process 1 has to collect the dead, and Wine does not
