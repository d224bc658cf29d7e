# Builds .venv from the lock files, and runs what is in it. `make` alone lists the targets.

PYTHON ?= python3
UV_VERSION := 0.13.9

BIN := .venv/bin
ENVIRONMENT := .venv/complete
LOCKS := requirements.lock requirements-dev.lock
locked_version = $(firstword $(shell sed -n 's/^$(1)==\([^ ]*\).*/\1/p' $(LOCKS)))
SUITES := .cache/flask-tests
FLASK_TESTS := $(SUITES)/flask-$(call locked_version,flask)
EXTENSION_TESTS := $(SUITES)/Flask-Login-$(call locked_version,flask-login) \
	$(SUITES)/flask_wtf-$(call locked_version,flask-wtf)
COG_FILES := README.md docs/choosing.md docs/document-checked.md docs/matrix.md docs/settings.md
TRANSLATIONS := app/languages/translations
CACHES := .cache build __pycache__ *.egg-info .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Named by --python: uv would otherwise take an environment that happens to be activated.
UV_PIP := $(BIN)/uv pip --quiet
INTO_VENV := --python $(BIN)/python
COMPILE := $(UV_PIP) compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header

# Where it is set, each process that a test starts would compile all of app/ and backends/ again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test versions coverage soak check format readme languages report bench lock clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /\1 /p' Makefile | while read -r name text; do \
		printf '  make %-9s %s\n' "$$name" "$$text"; done

run: $(ENVIRONMENT) ## Serve the application on HOST and PORT (127.0.0.1:5000)
	@$(BIN)/python -m app run

test: $(ENVIRONMENT) $(FLASK_TESTS) ## Run every test
	@$(BIN)/python -m pytest --numprocesses auto --no-loadscope-reorder

versions: $(ENVIRONMENT) ## Run the core of the tests on the lowest dependencies and on other Pythons
	@$(BIN)/python -m tests.support.versions

# Apart from the test: to trace every line takes half as long again.
coverage: $(ENVIRONMENT) $(FLASK_TESTS) ## Run every test, and report which lines none of them ran
	@$(BIN)/python -m pytest --cov --numprocesses auto --no-loadscope-reorder

soak: $(ENVIRONMENT) $(EXTENSION_TESTS) ## Run the long trials, and print their figures: an hour
	@$(BIN)/python -m pytest tests/soak -o python_files='soak_*.py' -q

check: $(ENVIRONMENT) ## Check the format, the style, the types and the generated parts
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/python -m mypy
	@$(BIN)/cog --check --diff --verbosity=1 --check-fail-msg='run make readme' $(COG_FILES)

format: $(ENVIRONMENT) ## Bring the code into its format
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

readme: $(ENVIRONMENT) ## Write the generated parts of README.md and docs/
	@$(BIN)/cog -r --verbosity=1 $(COG_FILES)
	@$(BIN)/python -m app.lab.reports.schema

languages: $(ENVIRONMENT) ## Update the translations after a change in a text, and compile them
	@mkdir -p .cache
	@$(BIN)/pybabel --quiet extract --mapping-file pyproject.toml --keywords lazy_gettext \
		--add-location file --no-wrap --output-file .cache/messages.pot app
	@$(BIN)/pybabel --quiet update --ignore-obsolete --no-fuzzy-matching --no-wrap \
		--ignore-pot-creation-date --input-file .cache/messages.pot --output-dir $(TRANSLATIONS)
	@$(BIN)/pybabel --quiet compile --directory $(TRANSLATIONS)

report: $(ENVIRONMENT) ## Run the laboratory; write its report, build/report.html and the readme
	@mkdir -p .cache
	@$(BIN)/session-lab compare --output .cache/report.json
	@$(BIN)/python -m app.lab.reports.publish .cache/report.json
	@$(MAKE) --no-print-directory readme

bench: $(ENVIRONMENT) ## Measure what a session costs, and keep the figures: five minutes
	@mkdir -p .cache
	@$(BIN)/session-lab bench --full --http --output .cache/bench.json
	@$(BIN)/python -m app.lab.cost.kept .cache/bench.json
	@$(MAKE) --no-print-directory readme

lock: $(ENVIRONMENT) ## Write the lock files after a change in pyproject.toml
	@$(COMPILE) pyproject.toml --extra app --extra redis --output-file requirements.lock
	@$(COMPILE) --group dev --constraints requirements.lock --output-file requirements-dev.lock

clean: ## Remove what was built; instance/ with its sessions and its key stays
	@rm -rf .venv $(CACHES)
	@find app backends tests -name __pycache__ -prune -exec rm -rf {} +

$(ENVIRONMENT): requirements.lock requirements-dev.lock pyproject.toml
	$(if $(shell $(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' \
		2>/dev/null && echo yes),,$(error This needs Python 3.11 or newer with its venv module \
		(Debian: apt-get install python3-venv); name another by make PYTHON=python3.13))
	@echo "Building the environment: a minute, and it needs the network …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@# Compiled here: where PYTHONDONTWRITEBYTECODE is set, each process would compile all it imports.
	@$(UV_PIP) sync $(INTO_VENV) --compile-bytecode --require-hashes requirements.lock requirements-dev.lock
	@$(UV_PIP) install $(INTO_VENV) --no-deps --editable .
	@touch $@

# The tests of Flask and its extensions are in their source distributions, and not in their wheels.
# Without the network the test that runs them is skipped.
$(SUITES)/%: | $(ENVIRONMENT)
	@echo "Fetching the tests of $* …"
	@mkdir -p $(@D)
	@name=$$(echo $* | sed 's/-[^-]*$$//' | tr A-Z_ a-z-) && \
		sed -n "/^$$name==/,/^    # via/{/#/!p;/#/q;}" $(LOCKS) > $@.txt && \
		$(BIN)/python -m pip download -qq --disable-pip-version-check --retries 1 --timeout 10 \
			--no-deps --no-binary $$name --require-hashes -r $@.txt -d $(@D) && \
		$(BIN)/python -W ignore -m tarfile -e $@.tar.gz $(@D) || \
		echo "They cannot be fetched: the test that runs them is skipped."
