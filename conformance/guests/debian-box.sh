#!/bin/sh
# debian-box.sh [--alone] BOX SUITE PACKAGE[:PROGRAM]...
#
# Unpacks packages of a Debian suite, with every library that they need, under BOX/root. Nothing is installed and no root is needed: apt works in BOX,
# on a system on which nothing is installed yet, from the mirror that this machine's apt uses anyway (DEBIAN_MIRROR, where it is set). Of a PROGRAM that
# is named, BOX/PROGRAM runs it, with the libraries of its own suite. A suite's backports are taken where SUITE says so (trixie-backports); a box is of
# one suite only.
#
# --alone: without what the packages need. A PACKAGE may then be a pattern (linux-image-[0-9]*), for the newest package of such a name.
set -eu

fail() {
  echo "debian-box.sh: $*" >&2
  exit 1
}

alone=
[ "${1-}" != --alone ] || { alone=yes; shift; }
[ $# -ge 3 ] || fail "usage: debian-box.sh [--alone] BOX SUITE PACKAGE[:PROGRAM]..."
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "apt-get and dpkg-deb are needed: run it on Debian, or in a container of Debian"

rm -rf "$1/root" "$1/cache/archives"
mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/root"
box=$(cd "$1" && pwd)
suite=$2
shift 2
: > "$box/status"

mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/*$' | head -n 1)}
[ -n "$mirror" ] || fail "this machine's apt names no mirror of Debian: set DEBIAN_MIRROR to the address of one"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
trust=
[ ! -e "$keys" ] || trust="[signed-by=$keys] "
for archive in "${suite%-backports}" "$suite"; do echo "deb $trust$mirror $archive main"; done | uniq > "$box/sources.list"

# apt of the box: TOOL ARGUMENT...
boxed() {
  tool=$1
  shift
  "$tool" -qq -o "Dir::Etc::sourcelist=$box/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$box/lists" -o "Dir::State::status=$box/status" \
    -o "Dir::Cache=$box/cache" -o Acquire::Retries=5 -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o APT::Sandbox::User=root "$@"
}

boxed apt-get -o APT::Update::Error-Mode=any update || fail "the list of $suite cannot be had from $mirror"
packages=
for wanted; do
  package=${wanted%%:*}
  case $package in
    *[*?[]*)
      pattern=$package
      package=$(boxed apt-cache pkgnames | while read -r name; do case $name in $pattern) echo "$name" ;; esac; done | sort -V | tail -n 1)
      [ -n "$package" ] || fail "$suite has no package $pattern" ;;
  esac
  packages="$packages $package"
done
# Package names have no spaces.
if [ -n "$alone" ]; then
  (cd "$box/cache/archives" && boxed apt-get download $packages)
else
  boxed apt-get install -y --download-only --no-install-recommends -t "$suite" $packages
fi || fail "not all of these can be had from $suite:$packages"
for archive in "$box"/cache/archives/*.deb; do dpkg-deb --fsys-tarfile "$archive" | tar -x -C "$box/root"; done

# Of a QEMU, its modules and its firmware are its own as well.
for wanted; do
  case $wanted in *:*) ;; *) continue ;; esac
  program=${wanted#*:}
  root=$box/root
  arguments=
  case $program in qemu-system-*) arguments=" -L '$root/usr/share/qemu' -L '$root/usr/share/seabios'" ;; esac
  cat > "$box/$program" <<WRAPPER
#!/bin/sh
export QEMU_MODULE_DIR='$root/usr/lib/x86_64-linux-gnu/qemu'
exec '$root/usr/lib64/ld-linux-x86-64.so.2' --library-path '$root/usr/lib/x86_64-linux-gnu' '$root/usr/bin/$program'$arguments "\$@"
WRAPPER
  chmod +x "$box/$program"
done
