# Two commands do everything: `make demo` and `make test`; `make view` opens the page, `make test-slow` runs the tests that take
# long: over seeds, whole lessons, the page in a browser. Another Python: `PYTHON=python3.13 make test`.
# Without make (Windows, macOS): the README lists the same commands.

ifeq ($(origin PYTHON),undefined)
PYTHON := python3
VENV := .venv
else
VENV := .venv-$(notdir $(PYTHON))
endif
BIN := $(VENV)/bin
# Python compiles what is imported, not all that is installed: a quarter less to wait for.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
# uv takes a fifth of pip's time, but not pip's settings: where it is not to be had, or finds no index, pip does it all.
define install
	@echo "Installing '$(1)' with pinned versions into $(VENV)"
	@set -- --constraint requirements.lock --editable '$(1)'; \
		{ $(PIP) uv==0.13.9 && $(BIN)/uv pip install --quiet --python $(BIN)/python "$$@"; } 2>/dev/null || $(PIP) "$$@"
endef

# Each process would compile all that it imports, were its bytecode not kept: three times as long to start.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo view test test-released test-slow test-long test-page check lock clean

demo: $(VENV)/.installed
	$(BIN)/aira run foraging

view: $(VENV)/.installed-viz
	$(BIN)/aira view foraging

# The checks have work for one core, and the few tests that are compiled as released for the other.
test: $(VENV)/.installed-test
	$(MAKE) --no-print-directory -j 2 check test-released
	AIRA_COMPILE_QUICKLY=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not browser and not released"

test-released: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m "not slow and released" $$(grep -l mark.released tests/*.py)

test-slow: test-long test-page

test-long: $(VENV)/.installed-test
	AIRA_COMPILE_QUICKLY=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "slow and not browser and not released" tests
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "slow and released" tests

# Two browsers at once: most of the time a page waits for its server, or a test for its page.
test-page: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n 2 --dist worksteal -m browser tests

check: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "aira_agents needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try PYTHON=python3.12 make $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml requirements.lock
	$(call install,.)
	@touch $@

$(VENV)/.installed-viz: $(VENV)/.made pyproject.toml requirements.lock
	$(call install,.[viz])
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-test: $(VENV)/.made pyproject.toml requirements.lock
	$(call install,.[test])
	@touch $@ $(VENV)/.installed

# One lock for every supported Python, with no index address in it.
lock:
	uv pip compile --universal --all-extras --python-version 3.11 --no-emit-index-url --no-emit-find-links \
		--no-annotate --no-header pyproject.toml --output-file requirements.lock

clean:
	rm -rf .venv .venv-* .jax_cache .pytest_cache .ruff_cache .import_linter_cache build dist *.egg-info
