# Every target does all its own set-up and may be run again at any time.
# uv comes from PATH, or is installed into .uv/. The environment is .venv/, with the versions of
# requirements.lock. Nothing is installed whose hash is not in a lock file.

UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
PYTHON := .venv/bin/python
LOCK = $(UV) pip compile --universal --python-version 3.11 --upgrade --generate-hashes --quiet \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
# One process a core with one thread each; the tests of one file share its fixtures.
ON_ALL_CORES = OMP_NUM_THREADS=1 $(PYTHON)
PARALLEL = --numprocesses auto --maxprocesses 4 --dist loadfile
LOCKED := .venv/.locked
READY := .venv/.ready
DEMO := demo
BPY := .venv/lib/python3.11/site-packages/bpy
BLENDER_EXT = $(wildcard $(BPY)/*/scripts/addons_core/bl_pkg/cli/blender_ext.py)

# In containers it is often set: each process of a test would compile torch's 2,500 files again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-fast test-gui test-smplx fuzz screenshots lint docs extension lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## run the whole project, small: render, self-train, report, anonymise
	$(PYTHON) tools/demo.py $(DEMO)

test: $(READY) ## run all tests, including the slow ones
	$(ON_ALL_CORES) -m pytest $(PARALLEL)

test-fast: $(READY) ## run the tests that take less than ten seconds each
	$(ON_ALL_CORES) -m pytest $(PARALLEL) -m "not slow"

test-gui: $(READY) ## click in a real Blender, downloaded if needed; images in build/gui/
	$(PYTHON) tools/gui_blender.py
	$(PYTHON) -m pytest tests/gui

test-smplx: $(READY) ## compare bodies with the smplx package, which only this target installs
	@echo "smplx: its licence allows no commercial use; it goes into .smplx/ and nowhere else"
	$(UV) pip install --python $(PYTHON) --target .smplx --no-deps --require-hashes \
		--requirement locks/smplx.txt
	PYTHONPATH=.smplx $(PYTHON) -m pytest -m smplx tests/blender_addon

fuzz: $(READY) ## give every parser 10,000 damaged inputs instead of 300; takes hours
	$(ON_ALL_CORES) -m pytest $(PARALLEL) -m fuzz --fuzz-long --timeout 0

screenshots: test-gui ## update the images of docs/blender.md from the same tests
	$(PYTHON) tools/screenshots.py

lint: $(READY) ## check style, formatting and types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

docs: $(READY) ## build the documentation in build/site/; a broken link is an error
	$(PYTHON) -m sphinx --fail-on-warning --keep-going --quiet --conf-dir docs/site . build/site

extension: $(READY) ## build the zip that Blender installs, in dist/
	mkdir -p dist
	$(PYTHON) $(BLENDER_EXT) build --source-dir . --output-dir dist
	@for zip in dist/*.zip; do $(PYTHON) $(BLENDER_EXT) validate "$$zip"; done

lock: | $(UV) ## update requirements.lock to today's versions, for all systems
	$(LOCK) pyproject.toml --extra render --extra imagenet --extra bake --extra openvino \
		--extra onnx --group dev --group docs --output-file requirements.lock
	echo smplx | $(LOCK) - --no-deps --output-file locks/smplx.txt
	echo uv | $(LOCK) - --no-deps --output-file locks/uv.txt

clean: ## remove what the other targets made, except .venv/, .uv/, .smplx/ and .gui/
	rm -rf demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -not -path './.uv/*' -not -path './.gui/*' \
		-prune -exec rm -rf {} +

# Each stamp is touched last, so that an interrupted set-up is resumed. There are two because uv
# takes bpy's wheel for one of another Python (its tag says cp39) and replaces it at every install;
# that is worth the time only when the lock has changed.
$(READY): $(LOCKED) pyproject.toml
	$(UV) pip install --python $(PYTHON) --no-deps --no-build-isolation --editable .
	$(PYTHON) tools/system_libraries.py
	@touch $@

$(LOCKED): requirements.lock | $(UV)
	@[ -x $(PYTHON) ] && $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| $(UV) venv --clear --python 3.11 .venv \
		|| { echo "Blender's Python module needs Python 3.11, which was neither found nor downloaded." \
			"Install it (Debian 12: apt-get install python3.11 python3.11-venv;" \
			"elsewhere: uv python install 3.11) and run make again." >&2; exit 1; }
	$(UV) pip install --python $(PYTHON) --require-hashes --requirement requirements.lock
	@touch $@

.uv/bin/uv: locks/uv.txt
	@echo "uv is not on PATH: installing it into .uv/"
	@python3 -m venv .uv || { echo "Installing uv needs python3 with its venv module" \
		"(Debian: apt-get install python3-venv). Install it, or put uv on PATH." >&2; \
		rm -rf .uv; exit 1; }
	.uv/bin/pip install --quiet --require-hashes --requirement locks/uv.txt
	@touch $@
