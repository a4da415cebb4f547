#!/usr/bin/env bash
# Installs what the tests of pages need: Node and Chromium from Debian where they are missing, Playwright's driver, axe
# and HubSpot's SDK by name.
set -euo pipefail
cd "$(dirname "$0")/../.."
# A folder of its own: npm removes what it was not told of.
peers=target/test-peers/browser
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
[ -d "$peers/node_modules/playwright-core" ] && [ -d "$peers/node_modules/axe-core" ] && [ -d "$peers/node_modules/@hubspot" ] ||
  npm install --silent --no-save --no-package-lock --prefix "$peers" playwright-core@1.56.1 axe-core@4.11.0 @hubspot/calling-extensions-sdk@0.9.7 || {
    echo "npm could not install playwright-core, axe-core and calling-extensions-sdk into $peers: is there a network or a cache?" >&2
    exit 1
  }
