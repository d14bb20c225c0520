# The two commands of the README are `make run` and `make test`; `make help` lists the rest.
# Every target sets up what it needs, is safe to repeat, and fails with one sentence.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help setup run test quick loop quality corpora lint types widget browser faq clean

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

quality: $(READY) faq corpora ## Answers measured on two corpora, beside a plain chain (half an hour)
	@$(BIN)/python -m tests.quality --plain 20

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

corpora:
	@deploy/need.sh /usr/share/doc/python3.11/html/faq python3.11-doc 'the quality tests read the Python FAQ'

clean: ## Remove everything that was built, and the data in ./var
	@rm -rf .venv var build dist server/web/static/widget server/web/static/vendor widget/node_modules

$(READY): pyproject.toml constraints.txt
	@deploy/setup.sh $(PYTHON)
