# strata: `make repro` reproduces, `make test` checks. `make help` lists the rest.
PROFILE ?= laptop
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
DVC := DVC_NO_ANALYTICS=1 dvc
export TOKENIZERS_PARALLELISM := false
# tiny models compute faster on one thread than on several
ONE_THREAD := OMP_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help setup repro notebooks generated report test lint bench gpu-lws

help:  ## list these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: .venv/installed  ## create .venv and install requirements.txt, once

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("strata needs Python 3.11 or newer, found " + sys.version.split()[0] + "; set PYTHON=...") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --requirement requirements.txt
	@# as pip would, but on every core; a file for another Python fails, and is left
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	@touch $@

# a stage that fails stops what needs it; the rest runs, is judged, and the failure is the exit status
repro: setup  ## run the pipeline at PROFILE (smoke, laptop, gpu, paper), then notebooks, README and report
ifeq ($(PROFILE),laptop)
	$(DVC) repro
	@$(MAKE) --no-print-directory notebooks generated report
	@cat results/laptop/verdicts.md
else
	$(BIN)/python -m strata.params --profile $(PROFILE)
	@$(if $(filter smoke,$(PROFILE)),$(ONE_THREAD)) $(DVC) repro --keep-going results/$(PROFILE)/dvc.yaml; status=$$?; \
	[ $$status = 0 ] || $(BIN)/python src/90_verdicts.py --profile $(PROFILE); \
	cat results/$(PROFILE)/verdicts.md; exit $$status
endif

NOTEBOOKS := $(wildcard notebooks/*.ipynb)
notebooks: $(NOTEBOOKS:notebooks/%.ipynb=.venv/notebooks/%)  ## execute the notebooks whose evidence changed, in place
.venv/notebooks/%: notebooks/%.ipynb $(wildcard results/*/*.json results/*/*/*.csv results/*/*/*.json src/strata/figures/*.py data/*.yaml data/claims/*.yaml) | setup
	$(BIN)/jupyter nbconvert --log-level=ERROR --to notebook --execute --inplace --ExecutePreprocessor.extra_arguments=--IPKernelApp.log_level=ERROR --ExecutePreprocessor.record_timing=False $<
	@mkdir -p $(@D) && touch $@

# the verdicts page links to the headings of the others
.venv/notebooks/00_verdicts: $(filter-out notebooks/00_verdicts.ipynb,$(NOTEBOOKS))

generated: setup  ## write README.md's parts and the JSON schemas of data/
	@$(BIN)/python -m strata.generated

report: setup  ## write results/report/: open results/report/index.html
	$(BIN)/python src/91_report.py

test: setup lint  ## everything CI runs: lint, tests, smoke pipeline, notebooks
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadfile
	$(BIN)/python -m pytest -n 2 --dist loadscope --nbval-lax --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg notebooks

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: setup  ## measure speed; writes results/bench/
	$(BIN)/python bench/ablation.py
	$(BIN)/python bench/recovery.py
	$(BIN)/python bench/sweep.py
	$(BIN)/python bench/glue.py

MINUTES ?= 25
gpu-lws: setup  ## paper B on one GPU within MINUTES, resumable; CORPUS=folder of text
	$(BIN)/python bench/gpu_lws.py --minutes $(MINUTES) $(if $(CORPUS),--corpus $(CORPUS))
