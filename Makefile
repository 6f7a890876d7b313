# Two commands matter: `make run` (the site with its demo library) and `make test` (everything).
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(if $(shell $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo yes),$(name))) python3)
BIN := .venv/bin
export PORT HOST

.DEFAULT_GOAL := help
.PHONY: help run test lint bench bench-pipeline bench-search bench-site bench-desk chaos guides services lock audit messages clean prepare prepare-dev

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

run: prepare ## the site with its demo library at http://127.0.0.1:8000 (PORT= moves it); Ctrl-C stops it
	@exec $(BIN)/python deploy/run.py

test: prepare-dev ## every test, with real servers and a real browser
	@mkdir -p test-results
	@$(BIN)/python deploy/services.py with -- $(BIN)/python -m pytest -n 2 --junitxml=test-results/junit.xml $(ARGS)

lint: prepare-dev ## style, types, order of imports, templates, deployment files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy accounts media_pipeline catalog search learning cms config deploy
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/compose-lint deploy/compose.yaml

bench: prepare-dev ## all figures beside their baselines, into docs/benchmarks.md; ARGS="delivery site" chooses
	@$(BIN)/python -m tests.bench $(ARGS)

bench-pipeline: prepare-dev ## CPU, wall and memory of a film beside the floor and the ways of others; ARGS=DIR adds its films
	@$(BIN)/python -m tests.bench.bench_pipeline $(ARGS)

bench-search: prepare-dev ## search beside a bare Elasticsearch, to a million courses; ARGS=--small is quick
	@$(BIN)/python -m tests.bench.bench_search $(ARGS)

bench-site: prepare-dev ## first frame beside a bare <video>, pages a second beside a Django that does nothing
	@$(BIN)/python -m tests.bench.bench_site

bench-desk: prepare-dev ## a county's desk among 100,000 courses beside an empty library, SQLite and PostgreSQL
	@$(BIN)/python -m tests.bench.bench_desk $(ARGS)

chaos: prepare-dev ## the production set under load while each part is killed or cut in turn; Linux as root; ARGS="--minutes 5" is quick
	@$(BIN)/python -m tests.chaos $(or $(ARGS),--write docs/chaos.md)

guides: prepare-dev ## the pictures of the desk's guides, taken anew
	@$(BIN)/python deploy/services.py with -- $(BIN)/python -m pytest -q tests/journeys/test_guides.py -k walked
	@mkdir -p docs/guides/pictures && cp test-results/guides/*.webp docs/guides/pictures/

services: prepare-dev ## real servers on loopback for trying the production parts; `make services ACTION=stop` ends them
	@$(BIN)/python deploy/services.py $(or $(ACTION),start)

lock: prepare-dev ## the lock files, from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --no-emit-index-url --no-header --generate-hashes --quiet -o requirements-dev.txt
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --no-emit-index-url --no-header --generate-hashes --quiet --constraint requirements-dev.txt -o requirements.txt

audit: prepare-dev ## locks, withdrawn releases, known faults, licences and age of what the site stands on
	@$(BIN)/python deploy/audit.py $(ARGS)

clean: ## what was built, downloaded and stored here (the demo library and its database too)
	rm -rf .venv frontend/node_modules frontend/dist var test-results .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

prepare:
	@$(PYTHON) deploy/prepare.py

prepare-dev:
	@$(PYTHON) deploy/prepare.py --dev
