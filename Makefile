# Each target does its own set-up (scripts/setup.sh) on a fresh Debian or Ubuntu, as root or with
# sudo. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# rustup's folder comes last: it helps where a profile was not read, and overrides nothing.
export PATH := $(PATH):$(HOME)/.cargo/bin

SYSTEM ?= trading
ARGS ?=
CUTS ?= 10000
SECONDS_MOST ?= 7200
LANES ?= 4
PAGE ?= $(CURDIR)/docs/faults.md
RIVALS ?= 600
TARGET ?= sql
HOWDAH := $(or $(CARGO_TARGET_DIR),target)/release/howdah

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

.PHONY: demo
demo: release ## a live system with private servers; SYSTEM=trading, ARGS=…
	@$(HOWDAH) demo $(SYSTEM) $(ARGS)

.PHONY: test
test: ## set up what is missing, then check
	@scripts/setup.sh check
	@cargo xtask check

.PHONY: check
check: ## format, clippy, tidy and tests, without set-up: the command before a commit
	@cargo xtask check

.PHONY: bench
bench: release ## events/s of the whole path against a bare COPY; ARGS=…
	@$(HOWDAH) bench ingest $(ARGS)

.PHONY: campaign
campaign: ## ten thousand faults at every step, proved; writes docs/faults.md; CUTS=, SEED=, BLOCK=, KIND=upkeep
	@scripts/setup.sh check
	@HOWDAH_CUTS=$(CUTS) HOWDAH_SECONDS=$(SECONDS_MOST) HOWDAH_LANES=$(LANES) \
	  $(if $(SEED),HOWDAH_SEED=$(SEED)) $(if $(KIND),HOWDAH_KIND=$(KIND)) $(if $(BLOCK),HOWDAH_BLOCK=$(BLOCK),HOWDAH_MATRIX=$(PAGE)) \
	  cargo test --package howdah --test main campaign -- --nocapture

.PHONY: rivals
rivals: ## two processes on the same shards, stopped and continued for ten minutes; RIVALS=seconds
	@scripts/setup.sh check
	@HOWDAH_RIVALS=$(RIVALS) cargo test --package howdah --test main \
	  processes_that_are_stopped_and_continued -- --nocapture

.PHONY: fuzz
fuzz: ## any bytes for the readers of a review, TARGET=sql or sources, SECONDS_MOST=; needs nightly and cargo-fuzz
	@cargo fuzz --help >/dev/null 2>&1 || { echo "cargo-fuzz is missing: cargo install cargo-fuzz" >&2; exit 2; }
	@cd fuzz && mkdir -p ../target/fuzz/corpus/$(TARGET) && cargo +nightly fuzz run --target-dir ../target/fuzz $(TARGET) \
	  ../target/fuzz/corpus/$(TARGET) corpus/$(TARGET) -- -max_total_time=$(SECONDS_MOST) -timeout=20 -max_len=20000 -rss_limit_mb=4096

.PHONY: release
release:
	@scripts/setup.sh
	@cargo build --release --package howdah
