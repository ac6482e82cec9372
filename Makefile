# The two commands of the README are `make demo` and `make test`; the rest is for developers.
# Everything is installed into .venv; a stamp file there says what is up to date.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml setup.py stubs.py $(shell find csrc -type f)

.PHONY: bench demo docs test lint sanitize accuracy clean

demo: $(VENV)/plot.stamp
	@$(BIN)/minigrad demo

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest

# Every op and its backward; fewer or more: make bench ARGS='-k "tanh or matmul"'.
bench: $(VENV)/bench.stamp
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest bench $(ARGS)

lint: $(VENV)/lint.stamp
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTHON) csrc/lint.py

# docs/ops.md: every op with its names, kernel and derivative, from the records.
docs: $(VENV)/test.stamp
	$(BIN)/python docs/make_ops.py

# An editable installation: Python files need no reinstallation, and a change under csrc/ rebuilds the kernels.
$(VENV)/%.stamp: $(SOURCES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

# The tests once more under AddressSanitizer and UndefinedBehaviorSanitizer, in a build of its own.
sanitize: $(VENV)/test.stamp
	$(BIN)/python csrc/sanitize.py

# The math functions against the C library, float32 on every number there is: about an hour of one core, shared
# among all. docs/accuracy.md has the result.
accuracy: $(VENV)/test.stamp
	$(BIN)/python tests/accuracy_sweep.py

clean:
	rm -rf $(VENV) build *.egg-info minigrad/_C*.so minigrad/*.pyi docs/ops.md
