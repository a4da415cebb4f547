#!/usr/bin/env bash
# Installs what the tests of pages need: Node and Chromium from Debian where they are missing, Playwright's driver by name.
set -euo pipefail
cd "$(dirname "$0")/../.."
# A folder of its own: npm removes what it was not told of.
peers=target/test-peers/pages
missing=
command -v node >/dev/null && command -v npm >/dev/null || missing="nodejs npm"
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || missing="$missing chromium"
if [ -n "$missing" ]; then
  { apt-get update -q && apt-get -o DPkg::Lock::Timeout=300 install -yq --no-install-recommends $missing; } >/dev/null || {
    echo "cannot install $missing: as root, \`apt-get install $missing\`" >&2
    exit 1
  }
fi
mkdir -p "$peers"
[ -d "$peers/node_modules/playwright-core" ] ||
  npm install --silent --no-save --no-package-lock --prefix "$peers" playwright-core@1.56.1 || {
    echo "npm could not install playwright-core into $peers: is there a network or a cache?" >&2
    exit 1
  }
