# Everything here needs only Go and make. `make` alone lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help up test trials race bench fuzz lint format check openapi policies build lineage-backfill deployable deploy clean

GO       ?= go
FUZZTIME ?= 60s
ARGS     ?=
REAL     ?=

# Built as the functions are, so that nothing is compiled twice.
ALIKE := CGO_ENABLED=0

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
	@REGIONS="$${REGIONS:-$(SEEN_REGIONS)}" ACCOUNTS="$${ACCOUNTS:-$(SEEN_ACCOUNTS)}" \
		ECS_RATE_SHARE="$${ECS_RATE_SHARE:-$(SEEN_SHARE)}" exec .build/local $(ARGS)
else
	@exec .build/local -real $(ARGS)
endif

# The first build compiles some hundred packages: count them while it does. The second one says what went wrong, if
# anything did.
.PHONY: .build/local
.build/local:
	@mkdir -p .build
	@$(ALIKE) $(GO) build -v -trimpath -o $@ ./scripts/local 2>&1 | { n=0; while read -r line; do \
		n=$$((n + 1)); [ $$((n % 20)) -ne 1 ] || echo "building the local cloud: $$n packages"; done; }
	@$(ALIKE) $(GO) build -trimpath -o $@ ./scripts/local

test: ## run every test
	$(ALIKE) $(GO) test -trimpath -shuffle=on ./...

trials: ## kill, freeze, double and lie to share at every call it makes; takes minutes, and make test has a sample of it
	TRIALS=full $(ALIKE) $(GO) test -trimpath -count=1 -timeout 30m -v ./scripts/trials
	TRIALS=full $(ALIKE) $(GO) test -trimpath -count=1 -timeout 30m -v -run NoLie ./scripts/e2e

race: ## run every test with the race detector
	$(GO) test -race -shuffle=on ./...

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

build: ## package every function as .build/<function>/bootstrap for linux/amd64
	$(GO) run ./scripts/build

lineage-backfill: ## record the parents of the images in FILE, a CSV: shows the plan; APPLY=1 carries it out
	$(GO) run ./scripts/backfill -file "$(FILE)" $(if $(APPLY),-apply)

deployable: ## refuse while s.yaml lets anyone call a function
	$(GO) run ./scripts/check deployable

deploy: deployable build ## deploy s.yaml with Serverless Devs (npm: @serverless-devs/s)
	s deploy -y

# `sam build` asks for one of these for each function of template.yml.
build-%Function:
	$(GO) run ./scripts/build -to "$(ARTIFACTS_DIR)" -resource $*Function

clean: ## remove what was built
	rm -rf .build .local .aws-sam
