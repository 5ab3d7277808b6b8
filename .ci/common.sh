# Sourced by ./run and ./test: saying what happens, and the Debian packages.

say() { printf '%s: %s\n' "$ME" "$*" >&2; }
die() {
  printf '%s: %s\n' "$ME" "$*" >&2
  exit 1
}

# Print the packages of the given lists that are not installed.
missing_packages() {
  local name
  for name in $(cat "$@"); do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null || true)" = installed ] ||
      echo "$name"
  done
}

# need_packages LIST...: install what is missing from the lists. Does nothing, and needs neither
# the network nor root, when nothing is.
need_packages() {
  local missing as_root=() log
  command -v dpkg-query >/dev/null ||
    die "this is not a Debian system; install what $* name by hand and build with meson"
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086
  say "installing" $missing
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "these packages are missing; run this once as root to install them"
    as_root=(sudo)
  fi
  # The PostgreSQL package would start a database server of its own; the tests start theirs.
  if [[ $missing == *postgresql* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    "${as_root[@]}" mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' |
      "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  log=$(mktemp)
  as_root+=(env DEBIAN_FRONTEND=noninteractive)
  "${as_root[@]}" apt-get -q update >"$log" 2>&1 ||
    { tail -n 5 "$log" >&2; rm -f "$log"; die "apt-get update failed; is the network there?"; }
  # shellcheck disable=SC2086
  "${as_root[@]}" apt-get -q -y --no-install-recommends install $missing >"$log" 2>&1 ||
    { tail -n 15 "$log" >&2; rm -f "$log"; die "apt-get could not install the packages named above"; }
  rm -f "$log"
}

# need_node_modules: install the upload clients of tests/e2e/clients, at the versions of their lock file, into a cache, and
# name it in VT_NODE_MODULES. Needs the network only when the cache has not got them; without it their tests are skipped.
need_node_modules() {
  local from=tests/e2e/clients dir
  command -v npm >/dev/null || need_packages .ci/packages-node
  dir=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/libvault/node-$(cat "$from"/package*.json | sha256sum | cut -c1-16)
  if [ ! -e "$dir/.installed" ]; then
    say "installing the upload clients in $dir"
    rm -rf "$dir"
    mkdir -p "$dir"
    cp "$from"/package.json "$from"/package-lock.json "$dir"
    if ! (cd "$dir" && npm ci --ignore-scripts --prefer-offline --no-audit --no-fund >log 2>&1); then
      tail -n 5 "$dir/log" >&2
      say "npm could not install the upload clients: their tests are skipped"
      return 0
    fi
    touch "$dir/.installed"
  fi
  export VT_NODE_MODULES=$dir
}

# configure DIR OPTION...: a meson build folder with exactly these options. Cheap when it has them.
configure() {
  local dir=$1 log
  shift
  if [ -f "$dir/build.ninja" ] && [ "$(cat "$dir/.options" 2>/dev/null)" = "${CC:-cc} $*" ]; then
    return 0
  fi
  rm -rf "$dir"
  mkdir -p "$dir"
  log=$(mktemp)
  meson setup --wrap-mode=nodownload "$dir" "$@" >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; rm -f "$log"; rm -rf "$dir"; die "meson could not configure $dir"; }
  rm -f "$log"
  echo "${CC:-cc} $*" >"$dir/.options"
}
