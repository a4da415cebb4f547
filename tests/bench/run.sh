#!/usr/bin/env bash
# `make bench`: the figures of docs/performance.md, peers beside them in the same run. The peers are installed by name.
set -euo pipefail
cd "$(dirname "$0")/../.."
peers=target/bench-peers
mkdir -p "$peers"
[ -x "$peers/venv/bin/python" ] || python3 -m venv "$peers/venv"
"$peers/venv/bin/python" -c 'import asterisk.ami' 2>/dev/null || "$peers/venv/bin/pip" install --quiet asterisk-ami==0.1.7
[ -d "$peers/node_modules/yana" ] || npm install --silent --no-save --prefix "$peers" yana@0.3.0
tests/browser/peers.sh
make --no-print-directory web
command -v kamailio >/dev/null || apt-get -o DPkg::Lock::Timeout=300 -y -q --no-install-recommends install kamailio >/dev/null
cargo build --release --quiet --bin hookswitch
cargo run --release --quiet --bin hookswitch-bench
cargo bench --quiet -p hookswitch-acd --bench decisions
