#!/usr/bin/env bash
# Installs the npm packages that tests/delivery compares Hookswitch with, by name and version.
set -euo pipefail
cd "$(dirname "$0")/../.."
peers=target/test-peers
command -v node >/dev/null && command -v npm >/dev/null || {
  echo "node 20 and npm are needed for tests/delivery (Debian: apt install nodejs npm)" >&2
  exit 1
}
mkdir -p "$peers"
[ -d "$peers/node_modules/standardwebhooks" ] && [ -d "$peers/node_modules/eventsource" ] ||
  npm install --silent --no-save --no-package-lock --prefix "$peers" standardwebhooks@1.1.1 eventsource@4.1.1 || {
    echo "npm could not install standardwebhooks and eventsource into $peers: is there a network or a cache?" >&2
    exit 1
  }
