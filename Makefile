# Two commands do all the set-up: make quickstart, make test.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
HELDER := $(BIN)/helder
QUICKSTART := quickstart
RUN_OPTIONS ?=
# Two files of tests at a time: one process for each core of a small machine; more cores help little, memory counts. In
# their order: sorted by how many tests they have, the slowest would come last, alone.
TEST_WORKERS ?= 2

.PHONY: setup quickstart test lint lock wheel clean

setup: $(VENV)/.installed

# torch by itself and by exact version: any range would let pip choose a build with several GB for GPUs.
$(VENV)/.installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

quickstart: setup
	bench/quickstart.sh $(HELDER) $(QUICKSTART)

test: setup lint
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock: setup
	$(BIN)/pip freeze --exclude-editable --exclude torch | sort --ignore-case > requirements.lock

wheel: setup
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) $(QUICKSTART) build dist *.egg-info
