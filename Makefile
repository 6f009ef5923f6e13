# What one can do here. Each target sets itself up in .venv; Windows users find the same steps in README.md.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; name it with make PYTHON=…")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

# The package downloads Quarto while it installs; where that is not possible the site is rendered by smalldocs.
.venv/.quarto: $(READY)
	@command -v quarto >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		'quarto-cli==$(QUARTO)' >.venv/quarto.log 2>&1 || \
		echo "Quarto cannot be installed here (why: .venv/quarto.log); smalldocs renders the site."
	@touch $@

# Debian's Chromium, for the tests in a browser, where no browser is there and this user may install one. Without, they
# are skipped. Pages are set in Arial, and measured in the same widths.
.venv/.browser: $(READY)
	@(for name in chromium chromium-browser google-chrome google-chrome-stable microsoft-edge; do \
		command -v $$name >/dev/null && exit; done; false) || \
		{ [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		apt-get install -qq --no-install-recommends chromium fonts-liberation; } >.venv/browser.log 2>&1 || \
		echo "No browser can be installed here (why: .venv/browser.log); the tests in a browser are skipped."
	@touch $@

# The version of environment.yml, which pip and conda then share.
QUARTO = $(shell sed -nE 's/^ *- quarto=([0-9.]+).*/\1/p' environment.yml)

setup: $(READY) ## Install everything into .venv

site: $(READY) .venv/.quarto ## Run every notebook on the data in data/ (the sample, if there is none) and build _site/
	$(BIN)/openmeasures sample --if-empty
	$(BIN)/openmeasures site

# Notebooks have a run of their own: nbval would measure coverage in their kernels, and waits for them in vain.
test: $(READY) .venv/.browser ## Lint, check types, run every test and every committed notebook
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadscope --cov --cov-report=term:skip-covered tests shared
	$(BIN)/python -m pytest --nbval --nbval-sanitize-with tests/nbval.cfg tests/test_analyses.py analyses

check: $(READY) ## The quick checks before a commit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/openmeasures check

notebooks: $(READY) ## Rerun the committed notebooks on the sample and save their outputs
	$(BIN)/openmeasures sample --data _build/sample
	$(BIN)/openmeasures refresh --data _build/sample

bench: $(READY) ## Measure what has a budget, beside a plain way to do the same
	$(BIN)/python benchmarks/spc.py
	$(BIN)/python benchmarks/funnel.py
	$(BIN)/python benchmarks/rtt.py
	$(BIN)/python benchmarks/ingest.py
	$(BIN)/python benchmarks/runs.py
	$(BIN)/python benchmarks/national.py
	$(BIN)/python benchmarks/cluster.py

false-alarms: $(READY) ## Simulate anew how often charts of stable series have a mark (two minutes)
	$(BIN)/python -c 'from openmeasures.methods import false_alarms; false_alarms.write()'

conformance: $(READY) ## Compare our SPC charts with other tools' anew, and write the page about it
	$(BIN)/python -c 'from openmeasures.reviewing import conformance; conformance.write()'

# rfc3987-syntax is left out: jsonschema would use it to check addresses that no notebook has, and to import it takes
# each kernel a second. Hence --no-deps above; the lock holds everything else.
lock: $(READY) ## Pin what pyproject.toml asks for, with hashes and no addresses
	$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --no-annotate --extra test --extra distributed --no-emit-package rfc3987-syntax --output-file requirements.lock pyproject.toml

clean: ## Remove what was built; .venv and data/ stay
	rm -rf _build _preview _site _site.* .quarto index.qmd about.qmd contribute.qmd data.qmd reconciliation.qmd status.qmd running.qmd benchmarks.qmd feed.xml assets cards results methods package measures organisations systems regions

.PHONY: help setup site test check bench notebooks false-alarms conformance lock clean
