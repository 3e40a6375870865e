# Starts the real systemd as process 1 of a world of its own, which sees this machine's files: `boot.sh NAME FOLDER`.
# Units are those in FOLDER/units, what is enabled is kept in FOLDER/etc. Ends with 99 where this machine allows none.
name=$1 folder=$2
hierarchies=
for place in /sys/fs/cgroup /sys/fs/cgroup/*; do
    case $(stat -f -c %T "$place") in cgroupfs | cgroup2fs) hierarchies="$hierarchies $place" ;; esac
done
[ -n "$hierarchies" ] || exit 99
for place in $hierarchies; do
    mkdir "$place/$name" || exit 99
done
for place in $hierarchies; do
    case $place in
    # Processes are kept track of in these; others may want more before they take one.
    /sys/fs/cgroup | */systemd | */unified) echo $$ >"$place/$name/cgroup.procs" || exit 99 ;;
    esac
done
# What it makes is below its own groups, and its log, its sockets and what it enables are its own.
exec unshare --pid --fork --kill-child=KILL --mount --propagation private --cgroup --ipc --uts --mount-proc sh -c '
    name=$1 folder=$2 systemd=$3; shift 3
    for place in "$@"; do mount --bind "$place/$name" "$place" || exit 99; done
    mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system &&
        mount --bind "$folder/etc" /etc/systemd/system || exit 99
    export container=other SYSTEMD_UNIT_PATH="/etc/systemd/system:$folder/units"
    exec "$systemd" --system --unit=basic.target --log-target=console --show-status=no
' sh "$name" "$folder" "$3" $hierarchies
