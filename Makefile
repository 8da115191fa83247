# Each target is what the README tells whoever has no make to type.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test browser lab lint bench clean
demo: .venv/installed
	$(BIN)/tbpu demo

test: .venv/installed-test
	$(BIN)/python -m pytest -n auto --dist loadgroup
	$(BIN)/python -m pytest -n auto --dist loadfile --nbval --nbval-current-env --nbval-sanitize-with tests/nbval.cfg notebooks

browser: .venv/installed-test
	$(BIN)/python -m pytest tests/browser

lab: .venv/installed-lab
	$(BIN)/jupyter lab notebooks

lint: .venv/installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: .venv/installed-test
	$(BIN)/python benchmarks/conversion.py

clean:
	rm -rf .venv tbpu-demo

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/installed-lab: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[lab]'
	touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@
