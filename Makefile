# strata: `make repro` reproduces, `make test` checks. `make help` lists the rest.
PROFILE ?= laptop
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
# notebooks run on the kernel of .venv, whatever kernels are elsewhere
export JUPYTER_PATH :=
export TOKENIZERS_PARALLELISM := false
# tiny models compute faster on one thread than on several
ONE_THREAD := OMP_NUM_THREADS=1
PIPELINE := $(if $(filter laptop,$(PROFILE)),dvc.yaml,results/$(PROFILE)/dvc.yaml)

.DEFAULT_GOAL := help
.PHONY: help check setup repro inputs claim look notebooks generated report dist test lint reliability families bench bundle

help:  ## list these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

# what a tree must have before anything is installed; .ci/check_tree.sh says what to do
check:
	@sh .ci/check_tree.sh $(PYTHON)

setup: check .venv/installed  ## create .venv and install requirements.txt, once

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --requirement requirements.txt
	@# as pip would, but on every core; a file for another Python fails, and is left
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	@touch $@

# A changed local file changes its record, and so what is stale. Records are left where data are missing.
inputs: setup
	@$(BIN)/python -m strata.command_line --profile $(PROFILE)
	@$(BIN)/python src/02_inputs.py --profile $(PROFILE) >/dev/null 2>&1 || \
		echo "$(PROFILE): some data are not on this machine; their committed records are kept"

# A stage that fails stops what needs it; the rest runs, is judged, and the failure is the exit status.
# DVC hears no Ctrl-C while a stage runs, and would go on with the next one.
repro: inputs  ## run the pipeline at PROFILE (smoke, laptop, study, paper), then notebooks, README and report
	@$(BIN)/python -m strata.claims.standing --profile $(PROFILE)
	@trap 'trap "" TERM; kill 0; wait; exit 130' INT; \
	$(if $(filter smoke,$(PROFILE)),$(ONE_THREAD)) dvc repro --keep-going $(if $(FORCE),--force) $(PIPELINE) & \
	wait $$!; status=$$?; \
	[ $$status = 0 ] || $(BIN)/python src/90_verdicts.py --profile $(PROFILE); \
	[ $$status != 0 ] || [ $(PROFILE) = smoke ] || $(MAKE) --no-print-directory notebooks generated report || status=$$?; \
	$(BIN)/python -m strata.claims.standing --profile $(PROFILE) --table; exit $$status

claim: setup  ## one claim on one screen: ID=A-CORE; RUN=1 computes its evidence anew and compares
	@$(BIN)/python -m strata.report.claim $(ID) $(if $(RUN),--run)

look: setup  ## papers A and C on a decoder of your own: MODEL=folder or owner/name [TEXT=file]
	@$(BIN)/python src/look.py "$(MODEL)" $(if $(TEXT),--text "$(TEXT)")

NOTEBOOKS := $(wildcard notebooks/*.ipynb)
EXECUTED := notebooks/.executed
READ := $(wildcard results/*/*.json results/*/*/*.csv results/*/*/*.json src/strata/*/figures.py src/strata/*/figures/*.py src/strata/claims/*.py data/papers/*/*.yaml)
notebooks: $(NOTEBOOKS:notebooks/%.ipynb=.venv/notebooks/%)  ## execute the notebooks whose evidence changed, in place
.venv/notebooks/%: notebooks/%.ipynb $(READ) | setup
	@$(BIN)/python -c "import nbformat; nbformat.read('$<', 4)" 2>/dev/null || \
		{ echo "$<: damaged, expected a notebook. Restore it (git checkout $<) and run again" >&2; exit 1; }
	$(BIN)/jupyter nbconvert --log-level=ERROR --to notebook --execute --output-dir $(EXECUTED) --ExecutePreprocessor.extra_arguments=--IPKernelApp.log_level=ERROR --ExecutePreprocessor.record_timing=False $<
	@mv $(EXECUTED)/$*.ipynb $< && mkdir -p $(@D) && touch $@

# the verdicts page links to the headings of the others
.venv/notebooks/00_verdicts: $(filter-out notebooks/00_verdicts.ipynb,$(NOTEBOOKS))

generated: setup  ## write the generated parts of README.md, docs/, results/README.md, dvc.yaml, and JSON schemas
	@$(BIN)/python -m strata.generated

report: setup  ## write results/report/: open results/report/index.html
	$(BIN)/python src/91_report.py

VERSION = $(shell sed -n 's/^version: //p' CITATION.cff)
dist: report  ## write dist/strata-VERSION.zip: the report, its evidence and the code, to read offline
	@mkdir -p dist
	@git archive --format=zip --prefix=strata-$(VERSION)/ HEAD \
		$(foreach file,$(wildcard results/report/*),--prefix=strata-$(VERSION)/results/report/ --add-file=$(file)) \
		--prefix=strata-$(VERSION)/ --output=dist/strata-$(VERSION).zip
	@echo dist/strata-$(VERSION).zip

test: setup lint  ## everything CI runs: lint, tests, smoke pipeline, notebooks
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m pytest -n 2 --dist loadscope --nbval-lax --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg notebooks

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

reliability: setup  ## kill every stage at 60 points, run it again, compare every byte (ten minutes)
	$(ONE_THREAD) $(BIN)/python tests/kill.py --points 60

families: setup  ## try every decoder of transformers; writes docs/decoders.md (5 minutes)
	$(ONE_THREAD) $(BIN)/python tests/families.py

bench: setup  ## measure speed; writes results/bench/
	$(BIN)/python bench/ablation.py
	$(BIN)/python bench/recovery.py
	$(BIN)/python bench/sweep.py
	$(BIN)/python bench/glue.py
	$(BIN)/python bench/memory.py
	$(BIN)/python bench/paired.py

bundle: setup  ## write bundle/: paper B for a GPU machine without network (sh bundle/run.sh MINUTES OUT)
	$(BIN)/python bench/bundle.py
