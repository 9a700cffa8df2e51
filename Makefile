# Every target works from a fresh clone: what it needs it installs or builds first.
SHELL := /bin/sh
.SUFFIXES:
.DEFAULT_GOAL := help

# node_modules/.bin/node is Node 24 (npm package "node"), so the distribution's Node does not matter.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
INSTALLED := node_modules/.package-lock.json

.PHONY: help demo portal binaries-beside-npm test check e2e build plugin soak bench bench-quick controlplane generate session screenshots format hooks release clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## The main job on a private API server, step by step; stays up in a terminal (DEMO_EXIT=1: does not)
	@$(MAKE) --no-print-directory -j2 binaries-beside-npm build
	@node demo/main.ts

portal: ## The portal with an issuer to sign in at, on a private API server, for your browser; until Ctrl-C
	@$(MAKE) --no-print-directory -j2 binaries-beside-npm build
	@node demo/portal/main.ts

# At the first run, npm and the download or build of what the demo runs go on at once, if this machine's own Node reads
# TypeScript. What is missing after it, the demo gets by itself.
binaries-beside-npm:
	@if [ ! -e $(INSTALLED) ] && node -e 'process.exit(parseInt(process.versions.node, 10) < 24 ? 1 : 0)' 2>/dev/null; \
	then node controlplane/main.ts --demo >/dev/null || :; fi

# Of the command line alone: what the environment calls so is something else.
FILE :=
NAME :=
test check: export FILE := $(FILE)
test check: export NAME := $(NAME)

test: $(INSTALLED) ## Everything that CI checks but e2e; FILE=test/x/y.test.ts NAME="words of the title": these tests only
	@node tools/check.ts --all

check: $(INSTALLED) ## Everything that needs no API server; FILE= and NAME= as with test
	@node tools/check.ts

e2e: $(INSTALLED) ## Real logins to real pods on a kind cluster of its own; E2E_EXISTING=true: on the cluster of KUBECONFIG
	@node kind/main.ts $(FILE)

build: $(INSTALLED) ## Bundle the operator into dist/main.cjs
	@node tools/build.ts

plugin: build ## The plugin as an npm package in dist/package, for npm pack or npm install --global
	@node tools/pack-plugin.ts

SECONDS ?= 600
soak: build ## Random operations and faults for SECONDS=600, watching for growth; FAULT_SEED repeats a run
	@SECONDS=$(SECONDS) node test/faults/soak.ts

bench: build ## Measure against the API server's own ceiling; BENCH=name for one
	@BUNDLE=built node bench/main.ts

bench-quick: build ## The figures that a busy machine cannot break, in half a minute
	@BUNDLE=built node bench/main.ts --quick

controlplane: $(INSTALLED) ## Find, fetch or build kube-apiserver, etcd and kubectl; the last line is their folder
	@node controlplane/main.ts --prebuilt

generate: $(INSTALLED) ## Write src/api/ from crds/, docs/errors.md from src/api/errors.ts, docs/plugin.md from src/plugin/, and the chart's copies of crds/ and deploy/
	@node tools/generate-api.ts
	@node tools/generate-errors.ts
	@node tools/generate-plugin-page.ts
	@node tools/generate-chart.ts

session: build ## Write into README what kubectl sshkey shows on a cluster of its own
	@node tools/record-session.ts

screenshots: build ## Take the pictures of the portal's pages in docs/images/, in a Chromium
	@node tools/screenshots.ts

format: $(INSTALLED) ## Format all files and apply safe lint fixes
	@biome check --write .

hooks: ## Check format, lint and types before each commit, in a few seconds
	@git config core.hooksPath .githooks

release: $(INSTALLED) ## Make what a release consists of: TAG=vX.Y.Z IMAGE=REGISTRY/NAME URL=https://github.com/ORG/sshkey-operator
	@node tools/release.ts $(TAG) $(if $(IMAGE),--image $(IMAGE)) $(if $(URL),--url $(URL))

clean: ## Remove what was built or installed here
	rm -rf dist node_modules

$(INSTALLED): package.json package-lock.json
	@echo 'installing npm packages' >&2
	@npm ci --no-fund --no-audit --no-update-notifier --loglevel=error
	@touch $@
