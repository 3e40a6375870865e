# Makes this lab's own root and waits in it as its first process: when its input ends, everything in
# the namespace ends. Arguments: folder to mount on, base root, the program, the test itself.
set -e
folder=$1 base=$2 program=$3 test=$4
# Our number as the machine counts: /proc is still the machine's.
read -r pid _ </proc/self/stat
mount -t tmpfs -o mode=755 lab "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
cd "$base"
mount -t overlay -o "lowerdir=.,upperdir=$folder/upper,workdir=$folder/work" lab "$folder/root"
cd "$folder/root"
mount -t proc proc proc
mount -t tmpfs -o mode=755 lab dev
for device in null zero full random urandom tty; do
  : >"dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 lab dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
bind() {
  mount --bind "$1" "$2"
  mount -o remount,bind,ro "$2"
}
bind "$program" usr/bin/vps-configurator
bind "$test" usr/lib/lab/unattended-upgr
pivot_root . old
exec chroot . /bin/sh -c 'umount -l /old && mkfifo /run/lab/release && echo "ready $0" && exec cat >/dev/null' "$pid"
