# Every target sets up its own .venv when needed. PYTHON names the interpreter (3.11 to 3.13).
PYTHON ?= python3
BIN := .venv/bin
export KERAS_BACKEND := jax

.PHONY: demo docs translations stamp test test-rest oracles browser sanitize bench lint types setup clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt CMakeLists.txt $(wildcard src/native/*)
	$(PYTHON) -c "import sys; assert (3, 11) <= sys.version_info < (3, 14), 'kohort needs Python 3.11 to 3.13; set PYTHON=python3.12'"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cli,docs,test,dev]' -c constraints.txt
	touch $@

demo: .venv/.ready
	$(BIN)/python examples/california_housing.py

lint: .venv/.ready
	$(BIN)/ruff check src tests benchmarks examples docs
	$(BIN)/ruff format --check src tests benchmarks examples docs

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
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[oracles]' -c constraints.txt

# Chromium and its driver, for the tests of the page in a real browser; they are skipped without.
browser: .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[browser]' -c constraints.txt
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

clean:
	rm -rf .venv
