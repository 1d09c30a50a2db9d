"""The same request for programs: as curl, Python and the command line. Nothing here is run."""

from __future__ import annotations

import json
import shlex
from typing import Any

from app_streamlit.words import t

OPTIONS = {
    "look": "--look",
    "voice": "--voice",
    "seconds": "--seconds",
    "aspect": "--aspect",
    "captions": "--captions",
    "seed": "--seed",
    "sway": "--sway",
}


def as_curl(url: str, work: dict[str, Any], *, key: bool) -> str:
    """For a shell. The key stands in a variable: what is copied gets pasted into chats."""
    lines = [f"curl {shlex.quote(url + '/v1/jobs')}", "-H 'Content-Type: application/json'"]
    if key:
        lines.append('-H "Authorization: Bearer $SPINBOT_API_KEY"')
    lines.append(f"-d {shlex.quote(json.dumps(work, ensure_ascii=False))}")
    return " \\\n  ".join(lines)


def as_python(url: str, work: dict[str, Any]) -> str:
    """With the package's client, which reads its key from SPINBOT_API_KEY."""
    given = "\n".join(f"        {name}={value!r}," for name, value in work.items())
    return (
        "from spinbot.client import Client\n\n"
        f"with Client({url!r}) as client:\n"
        f"    job = client.submit(\n{given}\n    )\n"
        '    video = client.wait(job.id).result()["video"]\n'
        '    client.download(video["artifact"], "video.mp4")'
    )


def as_command(work: dict[str, Any]) -> str:
    """For the command line; an uploaded portrait stands there as a file."""
    params = work["params"]
    words = ["spinbot", "generate"]
    before = ""
    if "script" in params:
        before = f"cat > script.txt <<'END'\n{params['script']}\nEND\n"
        words += ["--script", "script.txt"]
    else:
        words.append(params["topic"])
    if "portrait" in params:
        words += ["--portrait", t("create.copy_portrait")]
    if "profile" in work:
        words += ["--profile", work["profile"]]
    for name, option in OPTIONS.items():
        if name in params and not (name == "seconds" and "script" in params):
            words += [option, f"{params[name]}"]
    return before + shlex.join([*words, "-o", "video.mp4"])
