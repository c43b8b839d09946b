#!/bin/sh
# qemu.sh OUT
#
# Leaves in OUT/qemu-system-x86_64 a QEMU that takes a device from another program by vfio-user (QEMU 10.1 and newer): the machine's own where it can do
# that, else the one of Debian 13's backports, unpacked under OUT/qemu-box with its libraries. Nothing is installed and no root is needed.
set -eu

fail() {
  echo "qemu.sh: $*" >&2
  exit 1
}

[ $# -eq 1 ] || fail "usage: qemu.sh OUT"
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)

knows_vfio_user() {
  "$1" -device vfio-user-pci,help 2>/dev/null | grep -q socket
}

if qemu=$(command -v qemu-system-x86_64) && knows_vfio_user "$qemu"; then
  echo "qemu.sh: $qemu of this machine has vfio-user already"
else
  "$here/debian-box.sh" "$out/qemu-box" trixie-backports qemu-system-x86:qemu-system-x86_64
  qemu=$out/qemu-box/qemu-system-x86_64
  knows_vfio_user "$qemu" || fail "$("$qemu" --version | head -n 1) has no vfio-user either: put one that has first on PATH"
fi
printf '#!/bin/sh\nexec '\''%s'\'' "$@"\n' "$qemu" > "$out/qemu-system-x86_64"
chmod +x "$out/qemu-system-x86_64"
