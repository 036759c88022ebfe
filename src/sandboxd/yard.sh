# The yard: the only part of this machine that sandboxd, and whatever it starts, can see. Run in a mount namespace of its own.
# yard.sh YARD SETUP [link TARGET NAME | bind FROM TO | python FROM TO] … -- COMMAND …
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
yard=$1 setup=$2
shift 2
mount -t tmpfs -o mode=755,size=4m,nosuid,nodev tmpfs "$yard"
mkdir -p "$yard/old" "$yard/empty" "$yard/tmp" "$yard/dev" "$yard/proc" "$yard/srv/project/.tools"
while [ "$1" != -- ]; do
  how=$1 from=$2 to=$yard$3
  shift 3
  mkdir -p "${to%/*}"
  if [ "$how" = link ]; then
    ln -s "$from" "$to"
    continue
  fi
  if [ ! -e "$from" ]; then continue; fi
  if [ -d "$from" ]; then mkdir -p "$to"; else : >"$to"; fi
  # A folder that lies in an overlay with a relative name says nothing of where it came from, not even in mountinfo.
  if [ "$how" = python ] && cd "$from/.." 2>/dev/null &&
    mount -t overlay -o "ro,nosuid,nodev,lowerdir=${from##*/}:$yard/empty" python "$to" 2>/dev/null; then
    cd /
    continue
  fi
  cd /
  mount --rbind "$from" "$to"
  # A mount that came locked into this user namespace stays as it is.
  mount -o remount,bind,ro,nosuid,nodev "$to" 2>/dev/null || :
done
shift
printf %s "$setup" >"$yard/srv/project/.tools/setup.json"
mount --rbind /dev "$yard/dev"
mount --rbind /proc "$yard/proc"
mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev tmpfs "$yard/tmp"
cd "$yard"
pivot_root . old
umount -l /old
mount -o remount,bind,ro,nosuid,nodev /
cd /srv/project
exec "$@"
