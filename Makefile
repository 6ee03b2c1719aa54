# Two commands do everything on a fresh Debian or Ubuntu: `make run`, `make test`.
# The work is in scripts/, one job each; this file is the list of them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test prove check bench gen schemas build binary demo screenshots

in_env := . scripts/env.sh;

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: ## install what is missing, build, start the whole platform
	@scripts/run.sh

test: ## every test that can run here; the last line counts passed, failed, skipped
	@scripts/test.sh

prove: ## the tests at full counts, and the benches; writes docs/proofs.md and docs/benchmarks.md
	@scripts/prove.sh

check: ## formatting, clippy, TypeScript, eslint
	@scripts/check.sh

bench: ## measure side by side; writes docs/benchmarks.md
	@scripts/bench.sh

gen: ## write what is generated: Avro schemas, OpenAPI document, TypeScript types
	@scripts/gen.sh

schemas: ## only the Avro schemas and their example bytes
	@$(in_env) cargo run --quiet --package schemas --bin write-schemas

build: ## the whole product, console included, in one file
	@scripts/build.sh

binary: ## print the path of that file and nothing else
	@$(in_env) echo "$$CARGO_TARGET_DIR/release/sre-copilot"

demo: ## a real Prometheus and Alertmanager with a rule that fires, against a running `make run`
	@scripts/demo.sh

screenshots: ## render every page and list the pictures in README.md
	@scripts/screenshots.sh
