"""The parts, each with what it takes and what it tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app_streamlit.parts import part
from app_streamlit.words import section, t
from spinbot.client import Job

_refresh = part("refresh", "dom", "live")
_job_view = part("job_view", "dom", "live", "job")
_job_rows = part("job_rows", "dom", "live", "job")
_uploader = part("uploader", "dom")
_player = part("player", "dom")
_compare = part("compare", "dom")
_posters = part("posters", "dom")
_waveform = part("waveform", "dom")
_figures = part("figures", "dom")
_findings = part("findings", "dom")
_captions = part("captions", "dom")
_people = part("people", "dom")
_sign_in = part("sign_in", "dom")
_sign_out = part("sign_out", "dom")
_warm = part("warm")
_begun = part("begun", "dom")


def _ignore() -> None:
    """What Streamlit calls when a part tells something: the run that follows reads it from the answer."""


def refresh(*kinds: str, job: str | None = None, key: str) -> None:
    """Run the fragment that this stands in again when an event of such a kind comes: of that job, or of any."""
    _refresh(data={"kinds": list(kinds), "job": job}, key=key, on_news_change=_ignore)


def job_view(job: Job, graph: dict[str, Any], shown: dict[str, str] | None = None) -> None:
    """A job, live. Its fragment runs again when the job's state changes and when a node is done.

    `graph` is by node `{"type", "needs"}`, `shown` what its states are called here.
    """
    data = {
        "job": job.id,
        "state": job.state,
        "events": job.events,
        "graph": graph,
        "eta": job.eta_s,
        "shown": shown or {},
        "labels": section("nodes"),
        "states": section("states"),
        "words": section("live"),
        "time": section("time"),
    }
    _job_view(data=data, key=f"job-{job.id}", on_news_change=_ignore)


def job_rows(rows: Sequence[dict[str, Any]], key: str) -> tuple[str | None, dict[str, str] | None]:
    """Jobs as rows; which was opened, and what is to be done with which: `{"job", "what"}`."""
    data = {"rows": list(rows), "words": section("act"), "labels": section("nodes")}
    told = _job_rows(data=data, key=key, on_open_change=_ignore, on_act_change=_ignore)
    return told.open, told.act


def uploader(
    label: str, hint: str, accept: str, items: Sequence[dict[str, Any]], *, multiple: bool, key: str
) -> tuple[list[dict[str, Any]], str | None]:
    """A place for files; what was uploaded just now, and the artifact that is to be taken out."""
    data = {
        "label": label,
        "hint": hint,
        "accept": accept,
        "items": list(items),
        "multiple": multiple,
        "words": section("upload"),
    }
    told = _uploader(data=data, key=key, on_added_change=_ignore, on_removed_change=_ignore)
    return told.added or [], told.removed


def player(outputs: dict[str, Any], title: str, key: str) -> None:
    """The video of a job's outputs, with captions and sentences where there are any."""
    data = {
        "video": outputs["video"]["artifact"],
        "poster": (outputs.get("poster") or {}).get("artifact"),
        "captions": (outputs.get("captions") or {}).get("vtt"),
        "show_captions": False,
        "language": (outputs.get("script") or {}).get("language", "en"),
        "sentences": [
            {name: sentence[name] for name in ("text", "start", "end")}
            for sentence in (outputs.get("speech") or {}).get("sentences", ())
        ],
        "shape": [outputs["video"]["width"], outputs["video"]["height"]],
        "title": title,
        "words": section("player"),
    }
    _player(data=data, key=key)


def compare(sides: Sequence[dict[str, Any]], key: str) -> None:
    """Two videos `{"title", "video", "poster"}` that play together."""
    _compare(data={"sides": list(sides), "words": section("compare")}, key=key)


def posters(items: Sequence[dict[str, Any]], key: str) -> str | None:
    """A grid of videos `{"id", "href", "title", "poster", "look", "shown", "note"}`; which was opened."""
    told = _posters(data={"items": list(items)}, key=key, on_open_change=_ignore)
    opened: str | None = told.open
    return opened


def waveform(artifact: str, label: str, key: str) -> None:
    """A sound that can be heard and seen."""
    _waveform(data={"artifact": artifact, "label": label}, key=key)


def warm() -> None:
    """Let the browser load what parts are drawn with: the first one would come 0.4 s later."""
    _warm(key="warm", height=1)


def begun(button: str) -> None:
    """Show that a click on the button with that key was heard, until the page that it leads to is there."""
    _begun(data={"button": button, "label": t("live.begun")}, key=f"begun-{button}")


def sign_in() -> None:
    """Where the API key is given."""
    _sign_in(data={"words": section("login")}, key="sign-in")


def sign_out(name: str) -> None:
    """Whose key it is, and how it is forgotten."""
    _sign_out(data={"name": name, "label": t("login.leave")}, key="sign-out")


def figures(items: Sequence[dict[str, Any]], key: str, *, wide: bool = False) -> None:
    """Pictures `{"artifact", "caption"}` in a row, or with `wide` each over the whole width."""
    _figures(data={"items": list(items), "wide": wide}, key=key)


def findings(files: Sequence[dict[str, Any]], key: str) -> None:
    """What is wrong by file `{"name", "artifact", "found"}`, whose artifact is a picture's, or none.

    Each of `found` is `{"level", "shown", "place", "message", "remedy"}`.
    """
    _findings(data={"files": list(files)}, key=key)


def captions(items: Sequence[dict[str, Any]], placeholder: str, longest: int, key: str) -> dict[str, str]:
    """A field for each file `{"artifact", "name", "kind", "text"}`; the texts written since the page was loaded."""
    data = {"items": list(items), "placeholder": placeholder, "longest": longest}
    told = _captions(data=data, key=key, default={"texts": {}}, on_texts_change=_ignore)
    texts: dict[str, str] = told.texts
    return texts


def people(items: Sequence[dict[str, Any]], key: str) -> str | None:
    """Profiles as cards `{"name", "href", "face", "agreed", "shown", "note"}`; which was opened."""
    told = _people(data={"items": list(items)}, key=key, on_open_change=_ignore)
    opened: str | None = told.open
    return opened
