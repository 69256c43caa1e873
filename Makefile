# Everything here needs only Go and make. `make` alone lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help up portal portal-check browser screenshots test test-all trials race bench fuzz lint format check openapi policies build rules release lineage-backfill deployable deploy destroy token clean

GO       ?= go
FUZZTIME ?= 60s
ARGS     ?=
FUNCTION ?= import
SPEED    ?= 300
REAL     ?=

# Everything is compiled as the functions are, so that nothing is compiled twice. scripts/build/bootstrap has the same.
FLAGS := -trimpath -tags=lambda.norpc,nethttpomithttp2 -gcflags=github.com/...=-l -gcflags=golang.org/x/...=-l
export CGO_ENABLED ?= 0
export GOFLAGS := $(strip $(GOFLAGS) $(FLAGS))

# Tests end by what they do, not by the clock: a machine may be slow. What is drawn of that which takes long is drawn
# by DRAW, another part each time. Vetting is the linter's.
PACKAGES ?= ./...
RUN      ?= .
DRAW     ?= $(shell date +%s)
TESTS    := $(GO) test -vet=off -ldflags=-s -timeout 6h -run '$(RUN)'

LINTER    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
SCANNER   := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# What the emulated cloud has to show: every region, and the second account through its reader role.
SEEN_REGIONS  := all
SEEN_ACCOUNTS := acs:ram::1000000000000002:role/imagekeeper-reader
# Nobody else uses that cloud: a function need not start as one of a crowd that shares the quota.
SEEN_SHARE    := 10

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: .build/local ## start the whole cloud and every function on this machine; REAL=1: your own accounts, reading only
ifeq ($(REAL),)
	@REGIONS="$${REGIONS:-$(SEEN_REGIONS)}" ACCOUNTS="$${ACCOUNTS:-$(SEEN_ACCOUNTS)}" CLEANUP_ACCOUNTS="$${CLEANUP_ACCOUNTS:-$(SEEN_ACCOUNTS)}" \
		ECS_RATE_SHARE="$${ECS_RATE_SHARE:-$(SEEN_SHARE)}" exec .build/local -speed $(SPEED) $(ARGS)
else
	@exec .build/local -real $(ARGS)
endif

# The first build compiles some hundred packages: count them while it does. Programs are linked where they are wanted,
# which says what went wrong, if anything did.
BUILT := ./scripts/local ./functions/...
.PHONY: .build/local
.build/local:
	@mkdir -p .build
	@stale=$$($(GO) list -deps -f '{{if and .Stale (ne .Name "main")}}{{.ImportPath}}{{end}}' $(BUILT)); of=$$(echo $$stale | wc -w); \
		[ $$of -eq 0 ] || $(GO) build -v $$stale 2>&1 | { n=0; while read -r line; do \
		n=$$((n + 1)); [ $$((n % 20)) -ne 1 ] || echo "building the local cloud: $$n of $$of packages"; done; }
	@$(GO) build -o $@ ./scripts/local

test: ## run every test, of what takes long a part that DRAW draws: another one each time
	@echo "DRAW=$(DRAW) draws what is tried of that which takes long"
	@DRAW=$(DRAW) $(TESTS) -shuffle=on $(PACKAGES)

test-all: ## run every test in full: all faults, lies, mistakes, deaths and rounds; takes an hour
	TRIALS=full $(TESTS) -shuffle=on $(PACKAGES)

trials: ## the part of test-all that kills, freezes, doubles and lies to functions at every call they make; takes an hour
	TRIALS=full $(TESTS) -count=1 -v ./scripts/trials
	@$(MAKE) test-all PACKAGES='-count=1 -v ./scripts/e2e' RUN=NoLie
	@$(MAKE) test-all PACKAGES='-count=1 ./functions/cleanup' RUN='LiesOf|Boundary|TwoWorkers'

race: ## run every test with the race detector, of what takes long a part
	@echo "DRAW=$(DRAW)"
	@CGO_ENABLED=1 DRAW=$(DRAW) $(TESTS) -race -shuffle=on $(PACKAGES)

bench: ## measure size, start, speed, memory and quota against their limits
	$(GO) run ./scripts/bench $(ARGS)

fuzz: ## run every fuzz target for FUZZTIME (60s) each
	$(GO) run ./scripts/fuzz -time $(FUZZTIME)

lint: ## formatting and linters; known vulnerabilities too, where their database can be reached
	$(GO) run $(LINTER) run ./...
	@GOBIN="$(CURDIR)/.build" $(GO) install $(SCANNER)
	@.build/govulncheck ./...; s=$$?; [ $$s -ne 1 ] || { echo 'SKIPPED: known vulnerabilities were NOT looked up: there is no way to their database'; s=0; }; exit $$s

format: ## write every Go file as the linter wants it
	$(GO) run $(LINTER) fmt ./...

check: ## compare code, descriptors and documents with each other
	$(GO) run ./scripts/check
	$(GO) run ./scripts/build -openapi check

openapi: ## write functions/openapi.json from what the functions describe
	$(GO) run ./scripts/build -openapi write

policies: ## write every function's least permissions from the calls that its code makes
	$(GO) run ./scripts/policies

# npm is needed to build the page, not to build or run the functions: what it makes is committed.
PAGE      := .build/page
PAGE_SITE ?= $(CURDIR)/functions/portal/site
portal: ## build the page of functions/portal from its sources; needs npm
	@mkdir -p $(PAGE) && rm -rf $(PAGE)/src && cp -R functions/portal/page/. $(PAGE)/
	@cd $(PAGE) && { cmp -s package-lock.json node_modules/.lock || { npm ci --ignore-scripts --no-audit --no-fund && cp package-lock.json node_modules/.lock; }; }
	@cd $(PAGE) && node_modules/.bin/openapi-typescript $(CURDIR)/functions/openapi.json -o src/openapi.d.ts >/dev/null && node_modules/.bin/tsc -p .
	@cd $(PAGE) && node build.mjs "$(PAGE_SITE)"

portal-check: ## refuse a page that is not what its sources make; needs npm
	@$(MAKE) portal PAGE_SITE=$(CURDIR)/.build/page/site
	@diff -r .build/page/site functions/portal/site || { echo 'functions/portal/site is not what its sources make: make portal'; exit 1; }

browser: ## try the page in Chromium: every view, every change, in both languages; skipped loudly without one
	TRIALS=full $(TESTS) -count=1 -timeout 30m ./scripts/browser

SHOTS ?= $(CURDIR)/.build/screenshots
screenshots: ## take six pictures of the page into .build/screenshots; needs Chromium
	@TRIALS=full REQUIRE_CHROMIUM=1 SCREENSHOTS=$(SHOTS) $(GO) test -vet=off -count=1 -run TestScreenshots ./scripts/browser && ls $(SHOTS)

build: ## package every function as .build/<function>/bootstrap for linux/amd64
	$(GO) run ./scripts/build

release: ## write VERSION and its heading in the CHANGELOG, and package it with hashes; without VERSION: package what is there
	$(GO) run ./scripts/release $(if $(VERSION),-version '$(VERSION)')

rules: ## check and explain the rules in FILE without deploying them: of import, or with remove in them of cleanup
	@JOURNAL="$${JOURNAL:-oss://rules/only-checked}" $(GO) run ./functions/$$(grep -q "remove:" "$(FILE)" && echo cleanup || echo $(FUNCTION)) rules "$(abspath $(FILE))"

lineage-backfill: ## record the parents of the images in FILE, a CSV: shows the plan; APPLY=1 carries it out
	$(GO) run ./scripts/backfill -file "$(FILE)" $(if $(APPLY),-apply)

# What is deployed: ONLY=find,price, or ONLY=all; PLATFORM=fc or lambda; YES=1 does not ask; PLAN=1 sends nothing.
DEPLOY := $(GO) run ./scripts/deploy -only '$(ONLY)' -platform $(or $(PLATFORM),fc) $(if $(REGION),-region '$(REGION)') $(if $(YES),-yes) $(if $(PLAN),-plan)

deployable: ## refuse what must not be deployed, of the functions in ONLY (all)
	$(GO) run ./scripts/deploy -check -only '$(ONLY)' $(if $(REGION),-region '$(REGION)')

deploy: ## deploy the functions in ONLY (find,price) to PLATFORM (fc, lambda); tells first, then asks; YES=1, PLAN=1
	$(DEPLOY)

destroy: ## take back the functions in ONLY (all) and their roles; journal and backups stay
	$(DEPLOY) -destroy

token: ## print a token for SUBJECT with ROLES (viewer) by ISSUER, signed with a key pair in KEYS (.keys)
	@$(GO) run ./scripts/token -keys '$(or $(KEYS),.keys)' -issuer '$(ISSUER)' -subject '$(SUBJECT)' -roles '$(or $(ROLES),viewer)' $(ARGS)

# `sam build` asks for one of these for each function of template.yml.
build-%Function:
	$(GO) run ./scripts/build -to "$(ARTIFACTS_DIR)" -resource $*Function

clean: ## remove what was built
	rm -rf .build .local .aws-sam
