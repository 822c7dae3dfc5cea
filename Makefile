# The five commands of the project. Each makes or updates .venv first (tools/setup.sh), which costs nothing once it is done.
# Relative paths only: the folder's own path may hold spaces.
.PHONY: help setup demo test lint bench
ARGS ?=
export PYTHON TORCH TORCH_INDEX
# The environment's own packages only, whatever the caller's shell points at.
unexport PYTHONPATH PYTHONHOME

help:
	@echo "make setup   .venv with everything pinned and the 'drive' command; PYTHON=python3.12, TORCH=cpu choose"
	@echo "make demo    train, plan, score and draw on the embedded data (DRIVE_REAL=folder: on real data)"
	@echo "make test    the tests; ARGS='-k cameras' goes to pytest"
	@echo "make lint    ruff and mypy"
	@echo "make bench   how fast it is"

setup:
	@sh tools/setup.sh

demo: setup
	@.venv/bin/python tools/demo.py $(ARGS)

# One thread for each worker: two threads on a shared core are slower than one. Files as tests/conftest.py orders them.
test: setup
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venv/bin/python -m pytest -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup
	@.venv/bin/python -m ruff check .
	@.venv/bin/python -m mypy

bench: setup
	@.venv/bin/drive bench $(ARGS)
