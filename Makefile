# Two commands do everything: `make demo` and `make test`. Both install what they need.

CARGO ?= cargo

WEB := crates/edge/http/web

.PHONY: help demo demo-sip soak-sip web test check bench sim soak kill fuzz install clean

help:            ## what there is
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

demo: web        ## build and run Hookswitch on a simulated PBX; prints the URL to open
	$(CARGO) run --bin hookswitch -- demo

demo-sip:        ## without a simulator: two softphones (baresip) and one call, as docs/sip.md has it step by step
	tests/sip/peers.sh
	$(CARGO) build --bin hookswitch
	config/examples/sip-phones/demo.sh

web: $(WEB)/dist/hookswitch.js ## what browsers load; needs Node, and the daemon says so where it was not there

$(WEB)/dist/hookswitch.js: $(shell find $(WEB)/sdk $(WEB)/src -type f) $(addprefix $(WEB)/,package-lock.json build.mjs tsconfig.json tsconfig.sdk.json)
	@if command -v npm >/dev/null; then \
	  cd $(WEB) && npm ci --silent --no-audit --no-fund && npm run --silent build; \
	else echo "no Node here: the pages and /sdk/hookswitch.js will be missing, and say so"; fi

test:            ## everything: lints, unit, story, fault and load tests, real Asterisk 22 and 16
	tests/run.sh

check:           ## formatting and lints only
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

bench:           ## the figures of docs/performance.md, peers beside them in the same run
	tests/bench/run.sh

sim:             ## seeded worlds with faults: SEEDS=1000, or SEED=17 for one (docs/simulation.md)
	SEEDS=$(SEEDS) SEED=$(SEED) $(CARGO) test --profile sim -p hookswitch-tests --test sim -- --nocapture worlds

soak:            ## memory over CALLS=1000000 calls in simulated time
	CALLS=$(or $(CALLS),1000000) $(CARGO) test --profile sim -p hookswitch-tests --test sim -- --nocapture soak

soak-sip:        ## CALLS=10000 of each kind by SIP: answered, abandoned, busy, transferred, held, …; what is left afterwards
	CALLS=$(or $(CALLS),10000) HASTE=$(or $(HASTE),3) $(CARGO) test -p hookswitch-tests --test sip -- --nocapture many::

kill:            ## kill -9 of the real program under load, KILLS=100 times
	KILLS=$(or $(KILLS),100) $(CARGO) test -p hookswitch-tests --test kill -- --nocapture

fuzz:            ## one parser entry for SECONDS=60: TARGET=sip_message, …; needs nightly and cargo-fuzz
	$(CARGO) +nightly fuzz run $(or $(TARGET),sip_message) -- -max_total_time=$(or $(SECONDS),60)

install: web     ## daemon, unit file, configuration; as root
	$(CARGO) build --release --bin hookswitch
	install -Dm755 target/release/hookswitch $(DESTDIR)/usr/bin/hookswitch
	install -Dm644 systemd/hookswitch.service $(DESTDIR)/usr/lib/systemd/system/hookswitch.service
	test -e $(DESTDIR)/etc/hookswitch/hookswitch.toml || install -Dm640 config/hookswitch.toml $(DESTDIR)/etc/hookswitch/hookswitch.toml

clean:           ## remove what was built
	$(CARGO) clean
