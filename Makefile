# `make demo`, `make test` and `make bench` set up all they need in .venv, with uv if it is on the PATH, else venv and pip.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
BIN := .venv/bin
PYTHON ?= python3
DEMO := out/moba_vs_full
FLOORS := tests/cli/test_cli.py tests/data/test_runs.py tests/data/test_tables.py tests/laws tests/model/studies/test_study_reading.py \
    tests/model/studies/test_study_writing.py tests/inference/test_saving.py tests/plots/test_plots.py

.PHONY: demo test test-all floors docs browser bench backtests calibrate notebooks clean

# 3 is for draws that are not to be trusted: nothing is wrong with the installation, and all that is written says so.
demo: .venv/.package
	@echo "1 of 3: fit, about a minute the first time, about twenty seconds after that"
	@$(BIN)/bayes-scaling fit moba_vs_full --out $(DEMO) || { [ $$? = 3 ] && echo \
	    "These draws failed their own check: intervals below may be off. Another seed, or what is named above, may help."; }
	@echo; echo "2 of 3: contrast, some seconds"
	@$(BIN)/bayes-scaling contrast $(DEMO) attention=moba:full --at $(DEMO)/points.csv --out $(DEMO)/contrast.csv
	@echo; echo "3 of 3: report, about ten seconds"
	@$(BIN)/bayes-scaling report $(DEMO)
	@echo; echo "Done. Open $(DEMO)/report.html in a browser."

# Minutes: style, types, the order of rooms, and what is quick to test. Two processes: most of a test's time is compiling.
test: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m 'not slow' -n 2 --dist loadgroup

# A quarter of an hour: also whole studies, notebooks, the wheel, and what takes long to sample.
test-all: test
	$(BIN)/python -m pytest -m 'slow' -n 2 --dist loadgroup --no-loadscope-reorder

# The lowest versions that pyproject.toml allows, in an environment of their own: what reads, builds, samples, saves and draws.
# Not in `make test-all`: seven minutes on a busy machine, five of them to fetch and unpack 1 GB, which needs the package index.
floors: pyproject.toml .venv/.dev
	@echo "installing the lowest versions into .venv/floors: about 1 GB, a minute or two"
	$(BIN)/python -m venv --clear .venv/floors
	$(BIN)/python tests/packaging/floors.py >.venv/floors/pins.txt
	.venv/floors/bin/python -m pip install --quiet --disable-pip-version-check -r .venv/floors/pins.txt pytest hypothesis tabulate
	.venv/floors/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	.venv/floors/bin/python -m pytest -q -p no:warnings -o addopts= -o filterwarnings=default -m 'not slow' $(FLOORS)

# The documentation, in out/docs; `make docs EXECUTE=1` also runs the notebooks that changed since they last ran.
docs: .venv/.docs
	$(BIN)/python docs/build.py $(if $(EXECUTE),--execute)

bench: .venv/.dev
	$(BIN)/python benchmarks/chinchilla.py
	$(BIN)/python benchmarks/studies.py
	$(BIN)/python benchmarks/moba.py
	$(BIN)/python benchmarks/planning.py

# Pages are tested in a browser; without one those tests are skipped and say so. Only this target installs anything outside .venv.
browser:
	@if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then echo "chromium and chromedriver are there"; \
	elif ! command -v apt-get >/dev/null; then echo "no apt-get: install chromium and chromedriver yourself" >&2; exit 1; \
	else \
	    if [ "$$(id -u)" = 0 ]; then as=env; elif sudo -n true 2>/dev/null; then as="sudo -n env"; else \
	        echo "no root: install chromium and chromedriver yourself" >&2; exit 1; fi; \
	    $$as apt-get -qq update >/dev/null; \
	    $$as DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium chromium-driver >/dev/null; \
	fi

# On public tables, read from the folder that BAYES_SCALING_DATA names; about two and a half hours. Priors come first, the others use them.
backtests: .venv/.dev
	$(BIN)/python benchmarks/sweep_priors.py elicit
	$(BIN)/python benchmarks/sweep_priors.py judge
	$(BIN)/python benchmarks/extrapolation.py
	$(BIN)/python benchmarks/kernels.py
	$(BIN)/python benchmarks/stacking.py
	$(BIN)/python benchmarks/learning_curves.py
	$(BIN)/python benchmarks/discrepancy.py
	$(BIN)/python benchmarks/schedules.py
	$(BIN)/python benchmarks/curves.py
	$(BIN)/python benchmarks/correlated.py 40
	$(BIN)/python benchmarks/curve_speed.py
	$(BIN)/python benchmarks/logs.py
	$(BIN)/python benchmarks/next_run.py
	$(BIN)/python benchmarks/robustness.py

# Some hours; `benchmarks/calibration.py --help` says how to do part of it.
calibrate: .venv/.dev
	$(BIN)/python benchmarks/calibration.py

notebooks: .venv/.dev
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace notebooks/*.ipynb

.venv/bin/python:
	@if command -v uv >/dev/null; then \
	    uv venv --quiet --python '>=3.12' .venv; \
	elif $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then \
	    $(PYTHON) -m venv .venv; \
	else \
	    echo "error: bayes_scaling needs Python 3.12 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Set PYTHON=/path/to/python3.12" >&2; \
	    exit 1; \
	fi

.venv/.package: pyproject.toml | .venv/bin/python
	@echo "installing into .venv: about 1 GB, a minute or more"
	@if command -v uv >/dev/null; then \
	    uv pip install --quiet --python $(BIN)/python -e .; \
	else \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'; \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check -e .; \
	fi
	@touch $@

.venv/.dev: .venv/.package
	@if command -v uv >/dev/null; then \
	    uv pip install --quiet --python $(BIN)/python --group dev; \
	else \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev; \
	fi
	@touch $@

.venv/.docs: .venv/.package
	@if command -v uv >/dev/null; then \
	    uv pip install --quiet --python $(BIN)/python --group docs; \
	else \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs; \
	fi
	@touch $@

clean:
	rm -rf .venv out
