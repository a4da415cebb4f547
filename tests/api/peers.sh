#!/usr/bin/env bash
# Installs what tests/api asks for a second opinion of the API's descriptions, by name and version.
set -euo pipefail
cd "$(dirname "$0")/../.."
peers=target/test-peers
venv=$peers/venv
command -v python3 >/dev/null && python3 -c 'import ensurepip, venv' 2>/dev/null || {
  echo "python3 with venv and pip is needed for tests/api (Debian: apt install python3-venv)" >&2
  exit 1
}
command -v npm >/dev/null || {
  echo "npm is needed for tests/api (Debian: apt install nodejs npm)" >&2
  exit 1
}
[ -x "$venv/bin/schemathesis" ] && "$venv/bin/python" -c 'import openapi_spec_validator' 2>/dev/null || {
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5 openapi-spec-validator==0.9.0 || {
    echo "pip could not install schemathesis and openapi-spec-validator into $venv: is there a network or a cache?" >&2
    exit 1
  }
}
# A folder of its own: npm removes what it was not told of.
[ -d "$peers/asyncapi/node_modules/@asyncapi/specs" ] ||
  npm install --silent --no-save --no-package-lock --prefix "$peers/asyncapi" @asyncapi/specs@6.11.1 || {
    echo "npm could not install @asyncapi/specs into $peers/asyncapi: is there a network or a cache?" >&2
    exit 1
  }
