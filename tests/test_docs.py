"""The documents say what is true, and the commands in them run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.people import photos, recording
from tests.up import up

ROOT = Path(__file__).parent.parent
COMMANDS = [
    "generate",
    "graph check",
    "graph show",
    "graph run",
    "nodes",
    "voices",
    "models list",
    "models pull",
    "models verify",
    "models licenses",
    "jobs",
    "jobs show",
    "jobs resume",
    "jobs retry",
    "jobs export",
    "jobs cancel",
    "jobs pause",
    "jobs delete",
    "cache stats",
    "cache prune",
    "keys create",
    "keys list",
    "keys revoke",
    "logs",
    "up",
    "train look",
    "train voice",
    "draw",
    "trace",
    "reproduce",
    "score",
    "verify",
    "doctor",
]


def spinbot(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "spinbot.cli.main", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"COLUMNS": "160"},
    )


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.S | re.M)


def test_the_map_of_files_names_every_file_and_no_other():
    text = (ROOT / "docs/architecture.md").read_text()
    named = set(re.findall(r"^- `(\S+?\.py)`: \S", text, flags=re.M))
    files = {str(path.relative_to(ROOT)) for top in ("spinbot", "app_streamlit") for path in (ROOT / top).rglob("*.py")}
    there = {name for name in files if (ROOT / name).name != "__init__.py"}
    assert named == there


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example_that_names_real_options(command):
    shown = spinbot(*command.split(), "--help").stdout
    examples = re.findall(r"spinbot \S.*", shown.split("Example", 1)[1])
    assert examples
    for example in examples:
        words = shlex.split(example)
        assert " ".join(words[1:]).startswith(command)
        for option in (word for word in words if word.startswith("--")):
            assert option in shown.split("Example", 1)[0]


def test_the_first_screen_of_the_readme_says_what_it_is_and_how_to_try_it():
    top = (ROOT / "README.md").read_text().splitlines()[:30]
    assert any("make demo" in line for line in top)
    assert any("make test" in line for line in top)
    picture = next(line for line in top if line.startswith("!["))
    assert (ROOT / re.findall(r"\((.+?)\)", picture)[0]).is_file()


def test_relative_links_of_the_documents_lead_somewhere():
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_exit_codes_of_the_readme_are_those_of_the_errors():
    from spinbot import errors

    table = dict(re.findall(r"^\| (\d+) \| (.+?) \|$", (ROOT / "README.md").read_text(), flags=re.M))
    codes = {kind.exit_code for kind in errors.SpinbotError.__subclasses__()} | {0, errors.SpinbotError.exit_code}
    assert {int(code) for code in table} == codes


@pytest.mark.ray
@pytest.mark.models
def test_the_graph_of_the_documentation_runs(tmp_path, home, monkeypatch):
    monkeypatch.setenv("SPINBOT_HOME", str(home))
    (tmp_path / "voice_over.json").write_text(blocks("docs/graphs.md", "json")[0])
    for line in blocks("docs/graphs.md", "sh")[0].splitlines():
        run = spinbot(*shlex.split(line)[1:], cwd=tmp_path)
        assert run.returncode == 0, run.stderr
    assert (tmp_path / "results/speech.wav").stat().st_size > 50_000
    timing = json.loads((tmp_path / "results/speech.json").read_text())
    assert [word["text"] for word in timing["words"]] == ["Hello", "from", "a", "graph.", "It", "has", "two", "nodes."]


@pytest.mark.ray
@pytest.mark.models
@pytest.mark.timeout(900)  # two videos, one of them made twice, and the service
def test_the_commands_of_the_readme_run(tmp_path, home, models, monkeypatch):
    monkeypatch.setenv("SPINBOT_HOME", str(home))  # the user's own may have a profile of that name
    lines = [line for block in blocks("README.md", "sh") for line in block.splitlines()]
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("spinbot ")]
    assert len(commands) >= 5
    (tmp_path / "speech.txt").write_text("Hello from the readme. Dr. Smith paid $5.")
    portrait = ROOT / "spinbot/media/portraits/demo.png"
    (tmp_path / "me.png").write_bytes(portrait.read_bytes())
    photos(tmp_path / "photos")
    recording(tmp_path / "ada.wav", models)
    with contextlib.ExitStack() as running:
        for command in commands:
            if command[1] == "train":
                command = [*command, "--steps", "2"]
            if command[1] == "up":
                running.enter_context(up(*command[2:]))
                continue
            run = spinbot(*command[1:], cwd=tmp_path)
            assert run.returncode == 0, f"{command}: {run.stderr}"
