# Two commands for newcomers: `make demo` and `make test`. The rest is for those who work on spinbot.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOPIC ?= how bees make honey

.PHONY: demo test lint models kills shots bench clean

demo: $(VENV)/base ## write demo.mp4: a drawn portrait speaks a script that the language model wrote
	$(BIN)/spinbot models pull
	$(BIN)/spinbot generate "$(TOPIC)" --captions burn -o demo.mp4

test: lint models ## run every check and test
	$(BIN)/python -m pytest

lint: $(VENV)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

models: $(VENV)/dev ## fetch the models that the tests use: the starter's, a second recogniser, a second voice and the speaker encoder
	$(BIN)/spinbot models pull
	$(BIN)/spinbot models pull whisper-base piper-joe-medium resemblyzer-ge2e

kills: models ## end every kind of process 20 times with toy jobs and 3 times with the video job; takes hours
	SPINBOT_KILL_ROUNDS=20 SPINBOT_KILL_VIDEO_ROUNDS=3 $(BIN)/python -m pytest tests/test_kills.py

shots: models ## take the screenshots of the documentation, of a studio that runs here and has something to show
	$(BIN)/python -m docs.shots

bench: models ## measure; see benchmarks/RESULTS.md
	$(BIN)/python -m pip install --quiet --constraint constraints.txt langgraph langgraph-checkpoint-sqlite
	$(BIN)/python benchmarks/runner.py
	$(BIN)/python benchmarks/end_to_end.py
	$(BIN)/python benchmarks/soak.py
	$(BIN)/python -m benchmarks.studio

clean:
	rm -rf $(VENV) demo.mp4 demo.srt demo.vtt demo.png demo.json

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "spinbot needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

# constraints.txt pins torch, so that a machine which keeps a CPU build of it takes that one and no CUDA build.
$(VENV)/base: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/dev: $(VENV)/base
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,piper]'
	touch $@
