# The README's two commands. Both set up what they need through uv and the lock files, and are quick the second time.
UV := .uv/bin/uv
PYTHON ?= python3
# Commands start many short Python processes: without cached bytecode each of them compiles pandas and Spark anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo java test check docs clean

demo: java .venv/.demo
	scripts/demo

java:
	scripts/java

test: .venv/.dev
	scripts/check
	scripts/test

check: .venv/.dev
	scripts/check --fix

docs: .venv/.dev
	.venv/bin/sphinx-build -W -q -b html docs build/docs

$(UV):
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

.venv/pyvenv.cfg: | $(UV)
	$(UV) venv --quiet --python $(PYTHON) .venv

.venv/.demo .venv/.dev: .venv/.%: locks/%.txt pyproject.toml | .venv/pyvenv.cfg
	@echo "Installing $$(grep -c == locks/$*.txt) packages; PyTorch is the large one."
	$(UV) pip install --quiet --require-hashes -r locks/$*.txt
	$(UV) pip install --quiet --no-deps -e .
	touch $@

clean:
	rm -rf .venv .uv build dist
