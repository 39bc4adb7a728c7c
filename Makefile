# Every target does all its own set-up and may be run again at any time.
# uv comes from PATH, or is put into .uv/; the environment is .venv/ with the versions of requirements.lock.

UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
PYTHON := .venv/bin/python
LOCKED := .venv/.locked
READY := .venv/.ready
DEMO := demo
BLENDER_EXT = $(wildcard .venv/lib/python3.11/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py)

.PHONY: help demo test test-fast test-gui screenshots lint docs extension lock clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## the whole loop, small, from nothing: renders, self-training, report, anonymised images
	$(PYTHON) tools/demo.py $(DEMO)

test: $(READY) ## all tests, the slow ones too
	$(PYTHON) -m pytest

test-fast: $(READY) ## the tests that take less than ten seconds each
	$(PYTHON) -m pytest -m "not slow"

test-gui: $(READY) ## real clicks in a real Blender, which it fetches if need be; images in build/gui/
	$(PYTHON) tools/gui_blender.py
	$(PYTHON) -m pytest tests/gui

screenshots: test-gui ## the images of docs/blender.md, taken anew by the same tests
	$(PYTHON) tools/screenshots.py

lint: $(READY) ## style, formatting and types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

docs: $(READY) ## the documentation site, in build/site/; a broken link is an error
	$(PYTHON) -m sphinx --fail-on-warning --keep-going --quiet --conf-dir docs/site . build/site

extension: $(READY) ## the zip that Blender installs, in dist/
	mkdir -p dist
	$(PYTHON) $(BLENDER_EXT) build --source-dir . --output-dir dist
	@for zip in dist/*.zip; do $(PYTHON) $(BLENDER_EXT) validate "$$zip"; done

lock: | $(UV) ## write requirements.lock anew, with today's versions for Linux, macOS and Windows
	$(UV) pip compile pyproject.toml --all-extras --group dev --group docs --python-version 3.11 --universal --upgrade --quiet \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header --output-file requirements.lock

clean: ## remove what the other targets made, except .venv/, .uv/ and .gui/
	rm -rf demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -not -path './.uv/*' -not -path './.gui/*' -prune -exec rm -rf {} +

# Each file is touched last, so a set-up that was interrupted is taken up again. Two of them: uv takes bpy's wheel for
# one of another Python (its tag says cp39) and replaces it at every install, which only a changed lock is worth.
$(READY): $(LOCKED) pyproject.toml
	$(UV) pip install --python $(PYTHON) --no-deps --no-build-isolation --editable .
	$(PYTHON) tools/system_libraries.py
	@touch $@

$(LOCKED): requirements.lock | $(UV)
	@[ -x $(PYTHON) ] && $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| $(UV) venv --clear --python 3.11 .venv \
		|| { echo "No Python 3.11 was found or could be fetched, and Blender's Python module needs exactly that." \
			"Install it (Debian 12: apt-get install python3.11 python3.11-venv; elsewhere: uv python install 3.11)" \
			"and run make again." >&2; exit 1; }
	$(UV) pip install --python $(PYTHON) --requirement requirements.lock
	@touch $@

.uv/bin/uv:
	@echo "uv is not on PATH: installing it into .uv/"
	@python3 -m venv .uv || { echo "python3 with its venv module is needed (Debian: apt-get install python3-venv)," \
		"or uv itself on PATH." >&2; rm -rf .uv; exit 1; }
	.uv/bin/pip install --quiet uv
