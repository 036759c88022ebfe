# Runs COMMAND, and where this machine hands cgroups out says in SANDPIPER_CGROUP where it may make some. OWNER: who COMMAND
# will be. Version 1 lets root make one below its own. Version 2 is systemd's: it is asked for a scope that is ours alone.
# scope.sh OWNER COMMAND …
owner=$1
shift

if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
  own=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup 2>/dev/null)
  group=/sys/fs/cgroup/memory${own%/}/sandpiper
  if [ -n "$own" ] && { [ -d "$group" ] || mkdir "$group"; } && chown "$owner" "$group"; then
    export SANDPIPER_CGROUP="$group"
  fi 2>/dev/null
  exec "$@"
fi

# In the scope. Only a leaf may hold processes whose siblings are limited, so we go down into one; the rooms will be beside it.
leaf='
owner=$1
shift
unset XDG_RUNTIME_DIR
group=/sys/fs/cgroup$(sed -n "s/^0:://p" /proc/$$/cgroup)
if mkdir "$group/server" && echo $$ >"$group/server/cgroup.procs" && echo +memory >"$group/cgroup.subtree_control" &&
  chown "$owner" "$group" "$group/cgroup.procs"; then
  echo +pids >"$group/cgroup.subtree_control"
  export SANDPIPER_CGROUP="$group"
fi 2>/dev/null
exec "$@"'

own=$(sed -n 's/^0:://p' /proc/$$/cgroup 2>/dev/null)
uid=$(id -u)
# A scope ends with its manager, and a user's manager at logout: it must be the one that started us, or that of who lingers.
manager=
case $own in
*/user@"$uid".service/*) manager=--user ;;
*) if [ "$uid" = 0 ]; then manager=--system; elif [ -e "/var/lib/systemd/linger/$(id -un 2>/dev/null)" ]; then manager=--user; fi ;;
esac
# When everything is stopped, our service comes first: it ends us in its order.
order=
case $own in *.service) order=--property=Before=${own##*/} ;; esac
# Later versions would read a $ of the command as a variable.
words=
case $(systemd-run --help 2>/dev/null) in *--expand-environment*) words=--expand-environment=no ;; esac
# The runtime folder is where a user's manager is found; COMMAND is not told.
scope="env XDG_RUNTIME_DIR=/run/user/$uid systemd-run $manager --scope --quiet --collect --description=Sandpiper"
scope="$scope $words --property=Delegate=yes $order"
# Tried beforehand, as whoever could not be put into a scope would not run at all.
if [ -n "$manager" ] && timeout 5 $scope true >/dev/null 2>&1; then exec $scope /bin/sh -c "$leaf" leaf "$owner" "$@"; fi
exec "$@"
