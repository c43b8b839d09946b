#!/bin/sh
# linux.sh OUT [PACKAGE.deb...]
#
# Makes of a Linux kernel a guest that exercises a virtio-iommu: OUT/vmlinuz, and OUT/initrd.gz with the driver's modules, busybox and the init beside
# this script, which says what it does. The same inputs give the same bytes; no root is needed. The kernel is
#   - without more, the newest cloud kernel of Debian 13 (SUITE=... of another suite), which is downloaded under OUT;
#   - with packages, theirs: linux-image-*.deb, or of 7.3 and newer linux-base-*.deb, linux-binary-*.deb and linux-modules-*.deb;
#   - with KERNEL=bzImage, that one, with its modules in MODULES=.../lib/modules/VERSION, or with the drivers built in where that is not set.
# busybox is BUSYBOX=..., else one of the packages, else this machine's where it is static, else downloaded.
set -eu

fail() {
  echo "linux.sh: $*" >&2
  exit 1
}

[ $# -ge 1 ] || fail "usage: linux.sh OUT [PACKAGE.deb...]"
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
work=$(mktemp -d)
# Not every shell does at its end by a signal what it does at an exit.
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$work/root" "$work/initrd"

# PACKAGE...: unpacks them, as debian-box.sh finds them, into the root that all packages share here.
download() {
  "$here/debian-box.sh" --alone "$out/box" "${SUITE:-trixie}" "$@"
  cp -R "$out/box/root/." "$work/root"
}

# The first of these files that there is.
first() {
  for path; do [ ! -f "$path" ] || { echo "$path"; return; }; done
}

is_static() {
  [ -x "$1" ] && ! ldd "$1" >/dev/null 2>&1
}

for package; do dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work/root" || fail "$package cannot be unpacked"; done
own_busybox() {
  first ${BUSYBOX:+"$BUSYBOX"} "$work/root/usr/bin/busybox" "$work/root/bin/busybox"
}
if [ -z "$(own_busybox)" ] && is_static /bin/busybox; then BUSYBOX=/bin/busybox; fi
missing=
[ -n "${KERNEL-}" ] || [ $# -gt 0 ] || missing="linux-image-[0-9]*-cloud-amd64"
[ -n "$(own_busybox)" ] || missing="$missing busybox-static"
[ -z "$missing" ] || { set -f; download $missing; set +f; }
# From 7.3 on Debian's package of a kernel only names those that its parts are in.
case $missing in
  linux-image-*)
    version=$(ls "$out/box/cache/archives" | sed -n 's/^linux-image-\([^_]*\)_.*/\1/p')
    [ -n "$(first "$work"/root/boot/vmlinuz-*)" ] || download "linux-base-$version" "linux-binary-$version" "linux-modules-$version" ;;
esac

busybox=$(own_busybox)
is_static "$busybox" || fail "$busybox is not static: set BUSYBOX to one that is (Debian's package busybox-static)"
kernel=${KERNEL:-$(first "$work"/root/boot/vmlinuz-* "$work"/root/usr/lib/modules/*/vmlinuz "$work"/root/lib/modules/*/vmlinuz)}
[ -f "$kernel" ] || fail "there is no kernel: ${KERNEL:-none of the packages has a vmlinuz}"
modules=${MODULES-}
if [ -z "${KERNEL-}" ]; then
  modules=$(find "$work/root" -path '*/lib/modules/*' -name kernel -type d | head -n 1)
  [ -n "$modules" ] || fail "the packages have no modules: name the linux-modules-*.deb and linux-base-*.deb of the kernel as well"
  modules=${modules%/kernel}
fi
[ -z "$modules" ] || [ -d "$modules/kernel" ] || fail "$modules is not the modules of a kernel (.../lib/modules/VERSION)"

# In which order the modules have to be loaded: what one needs first. Drivers for other devices than an IOMMU wait until it has one.
number=10
loaded=" "
load() {
  case $loaded in *" $1 "*) return ;; esac
  loaded="$loaded$1 "
  pattern=$(echo "$1" | sed 's/[-_]/[-_]/g')
  module=$(find "$modules/kernel" -name "$pattern.ko*" | head -n 1)
  if [ -z "$module" ]; then
    grep -qs "/$pattern\.ko\$" "$modules/modules.builtin" || fail "the kernel of $modules has no $1, neither as a module nor built in: it needs another configuration"
    return
  fi
  plain=$work/$1.ko
  case $module in
    *.ko) cat "$module" ;;
    *.xz) "$busybox" xz -dc "$module" ;;
    *.gz) gzip -dc "$module" ;;
    *.zst) zstd -qdc "$module" || fail "zstd is needed to unpack $module" ;;
    *) fail "how to unpack $module is not known" ;;
  esac > "$plain"
  for needed in $(tr '\0' '\n' < "$plain" | sed -n 's/^depends=//p' | tr , ' '); do load "$needed"; done
  mv "$work/$1.ko" "$work/initrd/$number-$1.ko"
  number=$((number + 1))
}
if [ -n "$modules" ]; then
  for driver in virtio_pci virtio-iommu virtio_blk; do load "$driver"; done
fi

# Nothing of this machine or this moment goes into the archive. It has no folders, since file systems differ in what they count as a folder's links.
cp "$here/init" "$work/initrd/init"
cp "$busybox" "$work/initrd/busybox"
busybox=$work/initrd/busybox
cp "$kernel" "$out/vmlinuz"
cd "$work/initrd"
chmod 755 init busybox
find . -name '*.ko' -exec chmod 644 {} +
find . -type f -exec touch -d @0 {} +
find . -type f | sed 's|^\./||' | LC_ALL=C sort | "$busybox" cpio -o -H newc -R 0:0 --renumber-inodes --ignore-devno 2>/dev/null | gzip -9n > "$work/initrd.gz"
[ "$(gzip -dc "$work/initrd.gz" | "$busybox" cpio -t 2>/dev/null | sort | tr '\n' ' ')" = "$(find . -type f | sed 's|^\./||' | sort | tr '\n' ' ')" ] ||
  fail "the archive is not whole: is there space left in $out?"
mv "$work/initrd.gz" "$out/initrd.gz"
echo "linux.sh: $out/vmlinuz and $out/initrd.gz with $(ls | tr '\n' ' ')"
