#!/usr/bin/env bash
# Two softphones and one call, at once: the steps of docs/sip.md, with alice's phone answering by itself.
# `make demo-sip` builds the daemon and runs this. Needs Debian's baresip-core and curl.
set -euo pipefail
cd "$(dirname "$0")/../../.."
PATH=$(dirname "${HOOKSWITCH_BIN:-${CARGO_TARGET_DIR:-$PWD/target}/debug/hookswitch}"):$PATH
for program in baresip curl hookswitch; do
  command -v "$program" >/dev/null || { echo "$program is missing: see docs/sip.md" >&2; exit 1; }
done
logs=target/demo-sip-logs
rm -rf target/demo-sip "$logs"
mkdir -p "$logs"
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT

until_there() { # what it is, file, text
  for _ in {1..600}; do
    grep -qF "$3" "$2" && return
    sleep 0.1
  done
  echo "no $1: see $2" >&2
  exit 1
}

echo "The queue server begins."
hookswitch serve --config config/examples/sip-phones/hookswitch.toml >"$logs/hookswitch" 2>&1 &
until_there "queue server" "$logs/hookswitch" "hookswitch is ready"
until_there "queue server" "$logs/hookswitch" "listening for SIP"

echo "Alice's phone registers."
baresip -f config/examples/sip-phones/alice >"$logs/alice" 2>&1 </dev/null &
until_there "registration" "$logs/alice" "200 OK"

echo "What happens is read, as a CRM would."
curl -sN -H 'Accept: text/event-stream' -H 'Authorization: Bearer demo' 'http://127.0.0.1:8088/v1/events?after=0' >"$logs/events" &

echo "A customer dials the queue, talks for some seconds, and hangs up."
baresip -f config/examples/sip-phones/customer -t 8 -e '/dial sip:+4930555100@127.0.0.1:5070' >"$logs/customer" 2>&1 </dev/null
until_there "end of the call" "$logs/events" '"type":"call.ended"'

grep -o '"type":"call[^"]*"' "$logs/events"
until_there "end of the call at alice's phone" "$logs/alice" Transmit
grep -A1 Transmit "$logs/alice"
