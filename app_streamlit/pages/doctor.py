"""The dataset doctor: looks through pictures or recordings before anything is learned from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app_streamlit import shown
from app_streamlit.access import service, told
from app_streamlit.pages.dataset import Given
from app_streamlit.pages.jobs import failure
from app_streamlit.pages.learning import Kind
from app_streamlit.parts.mounts import findings, job_view, waveform
from app_streamlit.words import duration, t
from spinbot.client import Job
from spinbot.errors import NotFoundError

CHECK = "{}-check"
"""Of the address: the job that checks."""
LEVELS = ("stop", "left_out", "note")
"""The worst first."""


@dataclass(frozen=True)
class Visit:
    """A check of exactly these files."""

    kind: Kind
    files: list[Given]
    describe: bool
    """Whether a captioner describes those without caption."""
    job: Job | None
    """None: they were not checked, or have changed since."""

    @property
    def wish(self) -> dict[str, Any]:
        """What check and training are told of that."""
        return {"auto_caption": True} if self.describe else {}

    @property
    def outcome(self) -> dict[str, Any]:
        """What the check has made; empty before its end."""
        outputs = (self.job.outputs if self.job else None) or {}
        found: dict[str, Any] = outputs.get("checkup", {})
        return found

    @property
    def go(self) -> bool | None:
        """Whether something can be learned from them; None where nobody knows."""
        verdict: bool | None = self.outcome.get("checkup", {}).get("go")
        return verdict

    def by_file(self) -> dict[str, list[dict[str, Any]]]:
        """The findings by the name of the file, the worst first; under "" those that concern all of them."""
        found: dict[str, list[dict[str, Any]]] = {}
        for finding in sorted(self.outcome["checkup"]["findings"], key=lambda one: LEVELS.index(one["level"])):
            name = self._file(finding["name"])
            found.setdefault(name, []).append(finding | {"place": finding["name"].removeprefix(name).strip()})
        return found

    def _file(self, name: str) -> str:
        """A clip is called by its recording and its place in there."""
        names = [one.name for one in self.files if name == one.name or name.startswith(f"{one.name} ")]
        return max(names, key=len, default="")

    def labels(self) -> dict[str, dict[str, str]]:
        """For each file the worst that concerns all of it."""
        if not self.outcome:
            return {}
        whole = {name: [one for one in found if not one["place"]] for name, found in self.by_file().items()}
        return {
            name: {"level": found[0]["level"], "text": f"{_level(found[0])}: {found[0]['message']}"}
            for name, found in whole.items()
            if name and found
        }


def visit(kind: Kind, files: list[Given], *, describe: bool) -> Visit:
    """The check that the address names, if it was of these files."""
    name = st.query_params.get(CHECK.format(kind.name))
    if not name or not files:
        return Visit(kind, files, describe, None)
    try:
        job = service().job(name)
    except NotFoundError:  # deleted since
        return Visit(kind, files, describe, None)
    checked = job.graph["nodes"]["check"]["params"]
    same = checked[kind.files] == [one.model_dump() for one in files]
    same = same and checked.get("auto_caption", False) == describe
    return Visit(kind, files, describe, job if same else None)


def show(visit: Visit) -> None:
    """The button, the check while it runs, and then what was found."""
    job = visit.job
    if job is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button(t("train.check"), icon=":material/stethoscope:", key="check", help=t("train.check_help")):
                _begin(visit)
            if st.query_params.get(CHECK.format(visit.kind.name)):
                st.caption(t("train.check_old"))
        return
    if job.state != "succeeded":
        failure(job)
        if job.ended and st.button(t("act.retry"), type="primary", key="check-retry"):
            with told():
                service().retry(job.id)
                st.rerun()
        job_view(job, shown.graph(job), {})
        return
    _verdict(visit)


def _begin(visit: Visit) -> None:
    params = {visit.kind.files: [one.model_dump() for one in visit.files], **visit.kind.check_params, **visit.wish}
    with told():
        job = service().submit(template=visit.kind.check, params=params)
        st.query_params[CHECK.format(visit.kind.name)] = job.id
        st.rerun()


def _verdict(visit: Visit) -> None:
    checkup, found = visit.outcome["checkup"], visit.by_file()
    counts: dict[str, object] = {"used": len(checkup["used"]), "left": len(checkup["left_out"])}
    if visit.go:
        clips = visit.outcome.get("clips", ())
        counts["time"] = duration(sum(clip["end"] - clip["start"] for clip in clips))
        st.success(t(f"train.{visit.kind.files}_go", **counts), icon=":material/check_circle:")
    else:
        stops = [one for one in found.pop("", []) if one["level"] == "stop"]
        lines = [f"**{t('train.no_go')}**"]
        for one in stops:
            lines += [one["message"], t("jobs.remedy", hint=one["remedy"])]
        st.error("\n\n".join(lines), icon=":material/block:")
    if not found:
        st.caption(t("train.nothing_found"))
    elif visit.kind.name == "look":
        _pictures(visit, found)
    else:
        _recordings(visit, found)
    if clips := visit.outcome.get("clips"):
        names = {one.artifact: one.name for one in visit.files}
        with st.expander(t("train.heard", n=len(clips)), icon=":material/hearing:"):
            st.table([_clip(names, clip) for clip in clips])


def _pictures(visit: Visit, found: Mapping[str, list[dict[str, Any]]]) -> None:
    artifacts = {one.name: one.artifact for one in visit.files}
    files = [{"name": name, "artifact": artifacts.get(name), "found": _told(some)} for name, some in found.items()]
    findings(files, key="findings")


def _recordings(visit: Visit, found: Mapping[str, list[dict[str, Any]]]) -> None:
    artifacts = {one.name: one.artifact for one in visit.files}
    for name, some in found.items():
        with st.container(border=True):
            if name:
                waveform(artifacts[name], name, key=f"wave-{artifacts[name]}")
            findings([{"name": "", "artifact": None, "found": _told(some)}], key=f"findings-{name}")


def _told(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one | {"shown": _level(one)} for one in found]


def _level(finding: dict[str, Any]) -> str:
    return t(f"train.levels.{finding['level']}")


def _clip(names: Mapping[str, str], clip: dict[str, Any]) -> dict[str, str]:
    return {
        t("train.recording"): names[clip["artifact"]],
        t("train.place"): f"{clip['start']:.1f}–{clip['end']:.1f} s",
        t("train.words"): clip["text"],
    }
