# Each target does its own set-up in .venv; nothing is installed outside it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# of each property, in `make nightly`
EXAMPLES ?= 5000

.PHONY: help setup demo test peers nightly bench lint format vsix clean

help:
	@echo "make demo    check, test and train the tool-calling example (under 4 minutes after set-up)"
	@echo "make test    every test"
	@echo "make peers   verl and ms-swift in environments of their own, for the tests that compare with them (4 GB)"
	@echo "make nightly generated specs, claims, mutants and texts, five times as many as in make test (an hour)"
	@echo "make lint    ruff, mypy, and the order of the rooms"
	@echo "make bench   speed, as ratios against the functions people use today"
	@echo "make vsix    the VS Code extension, as dist/rewardkit-VERSION.vsix (needs Node.js and npm)"
	@echo "make setup   the environment of the above, in .venv"

setup: $(VENV)/.dev

demo: $(VENV)/.train
	$(BIN)/rewardkit check examples/tool_calling
	$(BIN)/rewardkit test examples/tool_calling
	$(BIN)/python examples/tool_calling/demo.py

# on all cores
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist worksteal

# every file of tests that takes its number of cases from tests/reference/cases.py, each in a process of its
# own: one that fails does not stop the others, and its memory goes with it
nightly: $(VENV)/.dev
	@failed=; for file in $$(grep -rl --include='test_*.py' '^from cases import' tests | sort); do \
	  echo "$$file"; \
	  REWARDKIT_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest --durations=5 --durations-min=10 $$file || failed="$$failed $$file"; \
	done; \
	if [ -n "$$failed" ]; then echo "failed:$$failed" >&2; exit 1; fi

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.maths
	$(BIN)/python -m benchmarks.normalizers
	$(BIN)/python -m benchmarks.training

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# the packages that package-lock.json pins, and nothing else
vsix:
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null && npm --version >/dev/null 2>&1 || \
	  { echo "make vsix needs Node.js 20 or later and npm: on Debian \`apt-get install nodejs npm\`, elsewhere https://nodejs.org" >&2; exit 1; }
	mkdir -p dist
	cd editors/vscode && npm ci --no-audit --no-fund && npm run package

clean:
	rm -rf $(VENV) .venv-verl .venv-swift build dist runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf editors/vscode/node_modules editors/vscode/dist editors/vscode/syntaxes editors/vscode/LICENSE

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("rewardkit needs Python 3.11 or later; name one: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# torch first and pinned, so that no other package chooses its build
$(VENV)/.train: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) torch
	$(PIP) -e '.[train]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) torch
	$(PIP) -e '.[train,lsp,docker,dev]'
	@touch $@ $(VENV)/.train

# they hold other versions of what we use, so each has an environment of its own
peers: .venv-verl/.done .venv-swift/.done

.venv-verl/.done: PEER = verl==0.9.0
.venv-swift/.done: PEER = ms-swift==4.6.0

.venv-%/.done: constraints-%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c $< torch
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c $< $(PEER)
	@touch $@
