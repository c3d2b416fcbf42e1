# Every target sets up its own .venv when needed. PYTHON names the interpreter (3.11 to 3.13).
PYTHON ?= python3
# CONSTRAINTS names the versions that are installed; with /dev/null the newest are.
CONSTRAINTS ?= constraints.txt
BIN := .venv/bin
VERSION := $(shell sed -n 's/^VERSION = "\(.*\)"/\1/p' src/kohort/_version.py)
SOURCES := src tests benchmarks examples docs tools
export KERAS_BACKEND := jax

.PHONY: demo docs translations stamp test test-rest oracles browser sanitize bench lint types setup clean \
    wheel try-wheel lowest changelog signatures ready

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt CMakeLists.txt $(wildcard src/native/*)
	$(PYTHON) -c "import sys; assert (3, 11) <= sys.version_info < (3, 14), 'kohort needs Python 3.11 to 3.13; set PYTHON=python3.12'"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cli,docs,test,dev]' -c $(CONSTRAINTS)
	touch $@

demo: .venv/.ready
	$(BIN)/python examples/california_housing.py

lint: .venv/.ready
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/python tools/docstrings.py
	$(BIN)/towncrier build --draft --version $(VERSION) >/dev/null

types: .venv/.ready
	$(BIN)/mypy

# Every kind of test, of each the first and last case, and a few examples of each property.
test: lint types
	$(BIN)/python -m pytest -n 2 --dist loadfile --part sample

# What `test` leaves out: all other cases, properties at full depth, browsers, other projects' suites;
# then what is held to Keras and to solo fits once more, compiled as for users.
test-rest: .venv/.ready
	$(BIN)/python -m pytest -n 2 --dist worksteal --part rest
	$(BIN)/python -m pytest -n 2 --dist worksteal --part optimised tests/engine tests/estimators/keras_models

# PyTorch and Ray, for the tests that need them; they are skipped without.
oracles: .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[oracles]' -c $(CONSTRAINTS)

# Chromium and its driver, for the tests of the page in a real browser; they are skipped without.
browser: .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[browser]' -c $(CONSTRAINTS)
	@if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then true; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver; \
	else echo "Install Chromium and chromedriver to run the tests of the page in a browser."; fi

# The kernels' own trial under the address and undefined-behaviour sanitizers, on so many networks.
NETWORKS ?= 4000
sanitize: .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check nanobind
	cmake -S . -B build/sanitized -DCMAKE_BUILD_TYPE=Debug -DKOHORT_SANITIZE=ON \
	    -DPython_EXECUTABLE=$(BIN)/python -Dnanobind_ROOT=$$($(BIN)/python -m nanobind --cmake_dir)
	cmake --build build/sanitized --parallel 2
	LD_PRELOAD=$$($(CXX) -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 \
	    UBSAN_OPTIONS=halt_on_error=1 $(BIN)/python tests/native/trial.py build/sanitized $(NETWORKS)

# The site in English and Korean, under build/site; a warning or a translation older than its source fails.
docs: .venv/.ready
	$(BIN)/python -m docs.site --clean

# Which pages have no Korean twin, or one older than they are; `make stamp PAGES=docs/ko/start.md` says that one is current.
translations: .venv/.ready
	$(BIN)/python -m docs.site.translations

stamp: .venv/.ready
	$(BIN)/python -m docs.site.translations stamp $(PAGES)

bench: .venv/.ready
	$(BIN)/python -m benchmarks

# What a release is made of: the source, a wheel with the kernels for this Python and platform, built
# from that source, and a wheel of Python alone.
build/release/.ready:
	$(PYTHON) -m venv build/release
	build/release/bin/python -m pip install --quiet --disable-pip-version-check build -c $(CONSTRAINTS)
	touch $@

wheel: build/release/.ready
	rm -rf dist
	build/release/bin/python -m build
	build/release/bin/python -m build --wheel -C wheel.cmake=false -C wheel.py-api=py3

# Each wheel of dist that this Python can install, in an empty environment.
try-wheel:
	$(PYTHON) tools/try_wheel.py dist

# The quick tests with the lowest version of each package that pyproject.toml allows; uv finds in
# seconds which other packages go with them, for which pip takes a quarter of an hour.
lowest:
	rm -rf build/lowest
	$(PYTHON) -m venv build/lowest
	$(PYTHON) tools/lower_bounds.py cli test > build/lowest/bounds.txt
	build/lowest/bin/python -m pip install --quiet --disable-pip-version-check uv
	build/lowest/bin/python -m uv pip install --quiet --python build/lowest/bin/python '.[cli,test]' \
	    -c build/lowest/bounds.txt -c tools/lowest.txt
	build/lowest/bin/python -m pytest -n 2 --dist loadfile --part sample

# Fragments of changelog.d become the section of this version in CHANGELOG.md, and are removed.
changelog: .venv/.ready
	$(BIN)/towncrier build --yes --version $(VERSION)

# The public signatures of this version, with which the next one is compared.
signatures: .venv/.ready
	$(BIN)/python tools/signatures.py tests/signatures/$(VERSION).json

# Whether this version can be released under a tag: make ready TAG=v0.2.0
ready:
	$(PYTHON) tools/ready.py $(TAG)

clean:
	rm -rf .venv build dist
