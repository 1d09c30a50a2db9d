"""The command line as a user meets it: bad input ends with one line of cause, one of remedy, and a documented code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from spinbot.media.credentials import read as credentials
from spinbot.media.images import read_portrait
from spinbot.media.portraits import path as shipped_portrait
from spinbot.store.database import connect
from spinbot.store.jobs import JobStore

COMMAND = [sys.executable, "-m", "spinbot.cli.main"]


def spinbot(home: Path, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    env = os.environ | {"SPINBOT_HOME": str(home), "COLUMNS": "160"}
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, input=stdin, env=env, cwd=home)


def refused(run: subprocess.CompletedProcess[str], code: int, says: str, remedy: str) -> None:
    assert run.returncode == code, run.stderr
    error, hint = run.stderr.strip().splitlines()[-2:]
    assert error.startswith("error: ")
    assert says in error
    assert hint.startswith("remedy: ")
    assert remedy in hint
    assert "Traceback" not in run.stderr


@pytest.mark.models
@pytest.mark.parametrize(
    ("script", "says", "remedy"),
    [
        ("", "the script is empty", "at least one sentence"),
        ("...!?", "no word to speak", "at least one sentence"),
        ("word " * 10_000, "10,000 words", "split"),
        ("Das ist ein Satz auf Deutsch, und er ist nicht kurz.", "German", "English"),
        ("这是一个中文句子，没有英文。", "Chinese", "English"),
    ],
)
def test_scripts_that_cannot_be_spoken(home, script, says, remedy):
    refused(spinbot(home, "generate", "--script", "-", stdin=script), 2, says, remedy)


@pytest.mark.models
def test_a_topic_or_a_script_is_needed_and_not_both(home):
    refused(spinbot(home, "generate"), 2, "either a topic or a script", "spinbot generate")
    refused(spinbot(home, "generate", "a topic", "--script", "-", stdin="Hi."), 2, "either a topic or a script", "")


@pytest.mark.models
@pytest.mark.parametrize(
    ("arguments", "code", "says", "remedy"),
    [
        (["--portrait", "nowhere.jpg"], 2, "no portrait nowhere.jpg", "path"),
        (["--portrait", "a.jpg", "--look", "a man"], 2, "neither --look nor --profile", "leave one out"),
        (["--voice", "nobody"], 3, "no voice 'nobody'", "voices: "),
        (["--engine", "tts=espeak"], 3, "no engine 'espeak'", "kokoro"),
        (["--engine", "voice=x"], 3, "no slot 'voice'", "tts"),
        (["--engine", "kokoro"], 2, "slot=name", "tts=piper"),
        (["--out", "/proc/nowhere/out.mp4"], 5, "/proc/nowhere/out.mp4", "folder"),
        (["--out", "/"], 5, "cannot write", "folder"),
    ],
)
def test_options_that_cannot_be_met(home, arguments, code, says, remedy):
    refused(spinbot(home, "generate", "a topic", *arguments), code, says, remedy)


@pytest.mark.models
def test_an_error_can_be_read_by_a_program(home):
    run = spinbot(home, "generate", "a topic", "--voice", "nobody", "--json")
    assert json.loads(run.stdout)["code"] == "unknown_voice"


@pytest.mark.models
def test_a_damaged_model_is_named_with_the_command_that_mends_it(tmp_path, models):
    home = tmp_path / "home"
    for name in ("mediapipe-face", "realesrgan-animevideov3"):
        folder = home / "models" / name
        folder.mkdir(parents=True)
        for file in models(name).iterdir():
            if file.is_file():
                (folder / file.name).write_bytes(file.read_bytes())
    damaged = home / "models/mediapipe-face/face_landmark.tflite"
    content = bytearray(damaged.read_bytes())
    content[1000] ^= 0xFF
    damaged.write_bytes(content)
    run = spinbot(home, "models", "verify", "mediapipe-face")
    refused(run, 4, "face_landmark.tflite", "spinbot models pull mediapipe-face")
    assert "intact" in spinbot(home, "models", "verify", "realesrgan-animevideov3").stdout


@pytest.mark.ray
@pytest.mark.models
def test_a_full_disk_ends_the_job_with_its_cause_and_keeps_what_was_there(tmp_path, models):
    home = tmp_path / "small"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", home], check=True)
    try:
        (home / "models").symlink_to(models("kokoro-82m-int8").parent)
        out = tmp_path / "out.mp4"
        run = spinbot(home, "generate", "--script", "-", "-o", out, stdin="This will not fit on the disk at all.")
        assert run.returncode == 5, run.stderr
        assert "Traceback" not in run.stderr
        assert "remedy: " in run.stderr
        assert not out.exists()
        assert spinbot(home, "models", "verify", "mediapipe-face").returncode == 0
    finally:
        subprocess.run(["umount", "--lazy", home], check=True)


@pytest.mark.models
def test_lists_for_people(home):
    assert "Apache-2.0" in spinbot(home, "models", "licenses").stdout
    assert "kokoro-82m-int8" in spinbot(home, "models", "list").stdout
    assert "animate_portrait" in spinbot(home, "nodes").stdout
    assert "param voice" in spinbot(home, "nodes", "speak").stdout
    assert "stock:" in spinbot(home, "voices").stdout
    assert spinbot(home, "jobs").returncode == 0
    assert "ffmpeg version" in spinbot(home, "doctor").stdout


@pytest.mark.models
def test_files_without_credentials_or_a_face(home):
    refused(spinbot(home, "verify", shipped_portrait("demo")), 2, "no Content Credentials", "spinbot")
    refused(spinbot(home, "verify", "nowhere.mp4"), 2, "no file nowhere.mp4", "path")
    refused(spinbot(home, "jobs", "show", "nope"), 3, "no job 'nope'", "spinbot jobs")


@pytest.mark.ray
@pytest.mark.models
def test_ctrl_c_cancels_the_job_and_leaves_no_process(home):
    env = os.environ | {"SPINBOT_HOME": str(home)}
    command = [*COMMAND, "generate", "a long talk about the sea", "--seconds", "60", "-o", str(home / "out.mp4")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if "script: running" in line:
                break
        os.kill(run.pid, signal.SIGINT)
        rest = run.stderr.read()
        assert run.wait(timeout=60) == 130
    assert "remedy: " in rest
    engine = connect(f"sqlite:///{home}/spinbot.db")
    assert JobStore(engine).recent(1)[0].state == "cancelled"
    engine.dispose()
    assert not (home / "out.mp4").exists()
    assert not processes_of(run.pid)


def processes_of(session: int) -> list[str]:
    """Command lines of what still runs in a session (proc(5), field 6 of stat)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append((stat.parent / "cmdline").read_text().replace("\0", " "))
    return found


def test_words_become_a_picture_the_same_one_for_the_same_seed(home):
    words = "a woman with blue hair, orange wall"
    for name in ("one.png", "two.png"):
        done = spinbot(home, "draw", words, "--size", "320x256", "--seed", "3", "-o", home / name)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == f"{home / name}: 320x256, seed 3"
    first, second = (read_portrait(home / name).pixels for name in ("one.png", "two.png"))
    assert first.shape == (256, 320, 3)
    assert (first == second).all()
    assert credentials(home / "one.png").models == ("image/diffusers", "upscale/realesrgan")


@pytest.mark.parametrize(
    ("arguments", "says", "remedy"),
    [
        (["--size", "20x20"], "no picture of 20x20", "64 to 2048"),
        (["--size", "big"], "'big' is not a size", "1024x1024"),
        (["--engine", "image=flux"], "no engine 'flux'", "drawn"),
    ],
)
def test_a_picture_that_cannot_be_drawn(home, arguments, says, remedy):
    code = 3 if "engine" in says else 2
    refused(spinbot(home, "draw", "a man", *arguments, "-o", home / "x.png"), code, says, remedy)


def test_a_profile_is_made_used_and_deleted_with_all_that_was_made_of_it(home, tmp_path):
    portrait = shipped_portrait("demo")
    made = spinbot(home, "profile", "create", "ada", "--portrait", portrait, "--voice", "any:female")
    assert made.stdout == "ada: it still needs consent\n", made.stderr
    words = ("--script", "-", "--profile", "ada", "-o", home / "ada.mp4")
    refused(spinbot(home, "generate", *words, stdin="Hello."), 2, "nothing says that ada agreed", "profile consent ada")
    agreed = ("--person", "Ada Lovelace", "--purpose", "tests")
    assert spinbot(home, "profile", "consent", "ada", *agreed).stdout == "ada: ready\n"
    done = spinbot(home, "generate", *words, stdin="Hello there.")
    assert done.returncode == 0, done.stderr
    told = credentials(home / "ada.mp4")
    assert told.valid
    assert told.extra["consent"].startswith("Ada Lovelace agreed to: tests; attested by ")
    would = json.loads(spinbot(home, "profile", "delete", "ada", "--dry-run", "--json").stdout)
    assert (would["parts"], len(would["jobs"]), would["deleted"]) == (["portrait 1"], 1, False)
    gone = json.loads(spinbot(home, "profile", "delete", "ada", "--json").stdout)
    assert gone == would | {"deleted": True}
    store = JobStore(connect(f"sqlite:///{home}/jobs.db"))
    assert store.recent() == []
    left = [path for path in (home / "artifacts").rglob("*") if path.is_file()]
    assert not {f"sha256:{path.parent.name}{path.name}" for path in left} & set(gone["artifacts"])
    refused(spinbot(home, "profile", "show", "ada"), 3, "no profile 'ada'", "spinbot profile")


@pytest.mark.parametrize(
    ("arguments", "code", "says", "remedy"),
    [
        (["create", "Ada L"], 2, "no name for a profile", "small letters"),
        (["create", "ada", "--person", "Ada"], 2, "names the person and the purpose", "--purpose"),
        (["create", "ada", "--portrait", "nowhere.jpg"], 2, "no portrait nowhere.jpg", "path"),
        (["consent", "nobody", "--person", "A", "--purpose", "b"], 3, "no profile 'nobody'", "spinbot profile"),
        (["add", "nobody", str(shipped_portrait("demo"))], 3, "no profile 'nobody'", "spinbot profile"),
    ],
)
def test_a_profile_that_cannot_be(home, arguments, code, says, remedy):
    refused(spinbot(home, "profile", *arguments), code, says, remedy)
    assert spinbot(home, "profile", "list", "--json").stdout == "[]\n"
