#!/usr/bin/env bash
# Installs what tests/sip plays with, from Debian where it is missing: SIPp, baresip, Kamailio, SIPVicious.
set -euo pipefail
missing=
command -v sipp >/dev/null || missing="$missing sip-tester"
command -v baresip >/dev/null || missing="$missing baresip-core"
command -v kamailio >/dev/null || [ -x /usr/sbin/kamailio ] || missing="$missing kamailio"
command -v svmap >/dev/null || missing="$missing sipvicious"
command -v ip >/dev/null || missing="$missing iproute2"
command -v curl >/dev/null || missing="$missing curl"
[ -z "$missing" ] && exit 0
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -q && apt-get -o DPkg::Lock::Timeout=300 install -yq --no-install-recommends $missing; } >/dev/null || {
  echo "cannot install$missing: as root, \`apt-get install$missing\`" >&2
  exit 1
}
