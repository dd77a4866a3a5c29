# Two commands on a fresh machine: `make demo` and `make test`. `make help` lists all.
export PATH := $(HOME)/.cargo/bin:$(PATH)
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test bench setup-build setup-test

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: setup-build ## build and open a house with sample families on http://localhost:8080 (ARGS="--families 50")
	@cargo build --locked --release --package idp
	@exec cargo run --quiet --locked --release --package idp --bin guichet -- demo $(ARGS)

test: setup-test ## everything that .ci/run runs: formatting, lints, licences, every test
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	CARGO_TARGET_DIR="$${CARGO_TARGET_DIR:-$(CURDIR)/target}" cargo check --locked --manifest-path tests/fuzz/Cargo.toml
	cargo deny --locked --log-level error check licenses bans sources
	cargo test --locked --workspace --lib --bins --tests

bench: setup-build ## measure one password check, one signed answer, one import
	cargo bench --locked --package idp --package directory-sync --bench '*'

setup-build: ## install what building needs
	@tests/setup.sh build

setup-test: ## install what testing needs
	@tests/setup.sh test
