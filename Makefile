# Python 3.11 or newer and make are all that has to be there; the rest is installed into .venv*.
PYTHON ?= python3

BIN := .venv/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
PYRIGHT := PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONPATH=. $(BIN)/basedpyright
METADATA := settings.ini setup.py pyproject.toml
BROWSER := .venv-browser
CONFORMANCE := .venv-conformance
PINS := tests/conformance/pins.txt
PYTEST := $(BIN)/python -m pytest --quiet
# Two processes, each of which takes whole files, as the tests of a file share a kernel.
AT_ONCE := --numprocesses 2 --dist loadfile

.PHONY: help demo quick test format lint types layers cover wire-alone router-alone kernel-alone verdict conformance conformance-originals browser stress bench bench-kernels bench-sidecar probes loops instructions bench-check clean
.NOTPARALLEL:
.DELETE_ON_ERROR:

help: ## Say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /make \1: /p' $(MAKEFILE_LIST)

demo: .venv/.core ## Show the library at work
	$(BIN)/conkernel demo

# Rooms whose tests start no kernel, which tests/conftest.py sees to.
QUICK := protocol outputs state values transport connection
quick: .venv/.dev ## Run the tests that need no kernel, in less than 20 seconds
	$(PYTEST) $(AT_ONCE) --hypothesis-profile quick $(wildcard $(addprefix tests/,$(QUICK)))

test: lint types layers cover wire-alone router-alone kernel-alone verdict ## Run every check

format: .venv/.dev ## Rewrite the files as ruff wants them
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

lint: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

# --verifytypes fails below 100 %. It looks where the first `python` of PATH looks, whatever --pythonpath says.
types: .venv/.dev
	$(PYRIGHT)
	$(PYRIGHT) --verifytypes conkernelclient --ignoreexternal
	$(BIN)/mypy tests/typing/api.py

layers: .venv/.dev
	$(BIN)/lint-imports --no-logo

cover: .venv/.dev
	$(PYTEST) $(AT_ONCE) --cov --cov-report=
	$(BIN)/coverage report

# These modules decide everything, so each of their branches is proven by the module's own test file.
TESTS_OF_router := tests/state/test_router.py
PARTS_OF_router := conkernelclient/state/router.py
TESTS_OF_wire := tests/protocol
PARTS_OF_wire := conkernelclient/protocol/wire.py,conkernelclient/protocol/incoming.py,conkernelclient/protocol/big_ints.py
TESTS_OF_kernel := tests/kernel/test_modes.py tests/kernel/test_request.py tests/kernel/test_scheduler.py
PARTS_OF_kernel := conkernelclient/kernel/modes.py,conkernelclient/kernel/request.py,conkernelclient/kernel/scheduler.py
wire-alone router-alone kernel-alone: %-alone: .venv/.dev
	$(BIN)/coverage run --data-file=.coverage.$* -m pytest --quiet $(TESTS_OF_$*)
	$(BIN)/coverage report --data-file=.coverage.$* --include=$(PARTS_OF_$*) --fail-under=100

# The judge of `make conformance` can say no; pytest finds its test only by name.
verdict: .venv/.dev
	$(PYTEST) tests/conformance/test_verdict.py

# Where kernel-sidecar fails and ours does not: it is tried in the environment that `make bench` has for it.
SIDECAR_PEER := .venv-bench-kernel-sidecar
conformance: $(CONFORMANCE)/.installed $(SIDECAR_PEER)/.installed ## Run other programs' own tests against this library (FULL=1: the slow ones as well)
	$(CONFORMANCE)/bin/python -m tests.conformance.run $(if $(FULL),--full)
	$(CONFORMANCE)/bin/python -m tests.conformance.defects $(SIDECAR_PEER)/bin/python

conformance-originals: $(CONFORMANCE)/.installed ## Record anew what passes with the originals
	$(CONFORMANCE)/bin/python -m tests.conformance.run --record

# The browser is the system's; without one the first thing that is said is what to install.
browser: $(BROWSER)/.installed ## Drive JupyterLab with our kernel, and the sidecar's page, in a browser (PICTURE=nbs/jupyterlab.png, PAGE=nbs/sidecar.png: take the documentation's)
	$(BROWSER)/bin/python -m pytest --quiet -c tests/browser/pytest.ini tests/browser \
	  $(if $(PICTURE),--picture $(PICTURE)) $(if $(PAGE),--page-picture $(PAGE))

# Every row, with a tenth of its count unless FULL=1 is given; then on the other loop what stands or
# falls with the loop; then with our kernel what the client does there in other ways, or FULL=1 all.
tests = $(foreach name,$2,tests/$1/test_$(name).py)
stress: .venv/.dev ## Measure what the client stands (FULL=1: with ten times the counts)
	$(PYTEST) tests/stress
	CONKERNEL_TEST_LOOP=uvloop $(PYTEST) $(call tests,stress,interrupts backlog handlers) \
	  $(call tests,whole,concurrency death loops_and_threads) $(call tests,client,futures run) \
	  $(call tests,connection,inbox loops peer recording subscribers threads watchdog) \
	  $(call tests,transport,base sockets zmq)
	CONKERNEL_TEST_KERNEL=conkernel $(PYTEST) $(if $(FULL),$(WITH_OURS_FULL),$(WITH_OURS))
WITH_OURS := $(call tests,stress,interrupts) $(call tests,whole,concurrency what_people_see) \
  $(call tests,client,comms interrupt run subshells verbs)
WITH_OURS_FULL := $(call tests,stress,chaos death floods handlers interrupts isolation restarts storm timeouts) \
  tests/client tests/values tests/whole tests/manager

# The other clients are measured in environments of their own.
BENCH_PEERS := conkernelclient kernel-sidecar async-kernel ipymini
LOOP_PEERS := autogen-ext jupyter-mcp-server jupyter-kernel-client ipybox
PEERS := $(BENCH_PEERS) $(LOOP_PEERS)
bench: .venv/.bench $(BENCH_PEERS:%=.venv-bench-%/.installed) ## Measure what a request costs, beside other clients, ten minutes
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.plots

OTHER_KERNELS := async-kernel ipymini
bench-kernels: .venv/.bench $(OTHER_KERNELS:%=.venv-bench-%/.installed) ## Measure our kernel, beside others, five minutes
	$(BIN)/python -m benchmarks.run kernel_speed kernel_start forked

bench-sidecar: .venv/.bench $(SIDECAR_PEER)/.installed ## Measure the sidecar beside kernel-sidecar, a minute
	$(BIN)/python -m benchmarks.run sidecar

probes: .venv/.bench $(OTHER_KERNELS:%=.venv-bench-%/.installed) ## Probe how our kernel and others run cells at once (FULL=1: 20 times)
	$(BIN)/python -m benchmarks.probes.run

loops: .venv/.core $(LOOP_PEERS:%=.venv-bench-%/.installed) ## Give a tool loop's tasks to other libraries as well, 15 minutes
	$(BIN)/python -m benchmarks.loops.run

instructions: .venv/.core ## Count the instructions of a request (with valgrind, five minutes)
	$(BIN)/python -m benchmarks.instructions

bench-check: .venv/.core
	$(BIN)/python -m benchmarks.check

clean: ## Remove what was made here
	rm -rf .venv .venv-bench-* $(BROWSER) $(CONFORMANCE) build dist *.egg-info .coverage .coverage.* \
	  .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

# An environment's stamp is newer than what it was installed from. The package itself is installed editable.
.venv/.core: $(METADATA) | .venv/.made
	$(BIN)/python $(PIP_INSTALL) --editable .
	touch $@

.venv/.dev: $(METADATA) | .venv/.made
	$(BIN)/python $(PIP_INSTALL) --editable '.[dev]'
	touch .venv/.core $@

$(CONFORMANCE)/.installed: $(METADATA) $(PINS) | $(CONFORMANCE)/.made
	$(CONFORMANCE)/bin/python $(PIP_INSTALL) --editable . $(addprefix --requirement ,$(PINS))
	touch $@

$(BROWSER)/.installed: tests/browser/requirements.txt $(METADATA) | $(BROWSER)/.made
	$(BROWSER)/bin/python $(PIP_INSTALL) --editable . --requirement $<
	touch $@

.venv/.bench: benchmarks/requirements.txt .venv/.core
	$(BIN)/python $(PIP_INSTALL) --requirement $<
	touch $@

$(PEERS:%=.venv-bench-%/.installed): .venv-bench-%/.installed: benchmarks/peers/%.txt | .venv-bench-%/.made
	.venv-bench-$*/bin/python $(PIP_INSTALL) --requirement $<
	touch $@

%/.made:
	@$(PYTHON) -c 'import configparser as c, sys; p = c.ConfigParser(delimiters="="); p.read("settings.ini"); \
	  need = p.defaults()["min_python"]; have = "%d.%d" % sys.version_info[:2]; \
	  tuple(map(int, need.split("."))) > sys.version_info and sys.exit( \
	  "conkernelclient needs Python %s or newer; $(PYTHON) is %s. Try: make PYTHON=python%s" % (need, have, need))'
	$(PYTHON) -m venv --clear $*
	touch $@
