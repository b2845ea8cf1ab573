#!/bin/sh
# Runs a script of this repository with the Node version that the repository pins, installing dependencies first when
# they are missing or older than the lock file. Works from any folder, with any Node 20 or newer and npm.
# Usage: sh scripts/with-node.sh scripts/<name>.ts [arguments]
set -eu

cd "$(dirname "$0")/.."
root=$PWD
lock=package-lock.json
installed=node_modules/.package-lock.json
stamp=node_modules/.sallyport-install
node=node_modules/.bin/node

fail() {
  printf '\nsallyport: %s\n' "$1" >&2
  exit 1
}

# What the last install worked from and what it left behind.
fingerprint() {
  cksum "$lock" "$installed"
}

is_fresh() {
  [ -f "$installed" ] || return 1
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint)" ]; then
    return 0
  fi
  # No stamp that fits: npm was run by hand. Its own record counts when it is newer than the lock file and the lock
  # file is still the one of the stamp (or there is no stamp).
  [ -n "$(find "$installed" -newer "$lock" 2>/dev/null)" ] || return 1
  [ ! -f "$stamp" ] || [ "$(sed -n 1p "$stamp")" = "$(fingerprint | sed -n 1p)" ]
}

is_pinned_node_there() {
  [ -x "$node" ] && "$node" --version >/dev/null 2>&1
}

if ! is_fresh; then
  command -v npm >/dev/null 2>&1 || fail 'npm is not on the PATH. Install Node.js 20 or newer, which brings npm.'
  printf 'Installing dependencies (about a minute, once) …\n' >&2
  # Not on a terminal, a progress display is only noise in a log.
  [ -t 2 ] && progress=--progress || progress=--no-progress
  if ! npm ci "$progress" --no-fund --no-audit --loglevel=error >&2; then
    fail "'npm ci' failed; npm's own message is above.
  - No network, or a proxy in the way? The npm registry must be reachable for the first run ('npm ping' tells).
  - package.json and package-lock.json out of step? 'npm install' puts them in step."
  fi
fi

# The package `node` fetches its binary in an install script, and npm links it only when it is there by then. Where npm is
# told to run no scripts, both are done here.
if ! is_pinned_node_there && [ -f node_modules/node/installArchSpecificPackage.js ]; then
  if [ ! -x node_modules/node/bin/node ]; then
    printf 'Fetching the pinned Node.js …\n' >&2
    (cd node_modules/node && npm_config_loglevel=error node installArchSpecificPackage.js) >&2 || true
  fi
  [ ! -x node_modules/node/bin/node ] || ln -sf ../node/bin/node "$node"
fi
is_pinned_node_there || fail "the pinned Node.js is not at $node after the install.
  It comes from the npm package 'node', which has a build for Linux, macOS and Windows on x64 and arm64.
  Remove the folder node_modules and try again."

if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$(fingerprint)" ]; then
  fingerprint >"$stamp"
fi

PATH=$root/node_modules/.bin:$PATH
export PATH
exec "$node" --disable-warning=ExperimentalWarning "$@"
