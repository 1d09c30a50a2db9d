"""One training, live, and then what came of it."""

from __future__ import annotations

from typing import Any, NoReturn

import streamlit as st

from app_streamlit.access import fragment
from app_streamlit.pages import dataset, describing, jobs, settings, versions
from app_streamlit.pages.learning import KINDS, Kind
from app_streamlit.parts.mounts import refresh
from app_streamlit.places import go
from app_streamlit.whose import profile_of
from app_streamlit.words import t
from spinbot.client import Job, Profile

JOB = "job"
"""Of the address: the training that is looked at."""
OF = "of"
"""Of the address: whose profile it was asked for with, where the form is what led to it."""


def watch(job: str, profile: str = "") -> NoReturn:
    """Show that training."""
    st.query_params.update({JOB: job, OF: profile})
    st.rerun()


@fragment
def show(name: str) -> None:
    """The training of that job id, with the way back to what it was asked for with."""
    refresh("job.", job=name, key="training-news")
    if st.button(t("train.back"), icon=":material/arrow_back:", type="tertiary", key="back"):
        _back()
    job = jobs.live(name)
    if job is None:
        return
    profile = _trained(job) if job.state == "succeeded" else None
    with st.container(horizontal=True):
        if profile:
            _next(profile)
        kind = next((kind for kind in KINDS.values() if kind.train == job.name), None)
        if kind is None or not job.ended:
            return
        if st.button(t("train.again"), icon=":material/tune:", help=t("train.again_help"), key="again"):
            go("train", **address(job, kind))


def _back() -> NoReturn:
    """To the form, with what the address still has of it."""
    kept = {name: value for name, value in st.query_params.items() if name not in (JOB, OF)}
    go("train", **kept | _whose())


def _whose() -> dict[str, str]:
    profile = st.query_params.get(OF)
    return {"profile": profile} if profile else {}


def _trained(job: Job) -> Profile | None:
    """What came of it; whose it is now, unless that was deleted."""
    outputs = job.outputs or {}
    profile = None
    for kind in KINDS:
        if kind not in outputs:
            continue
        profile = profile_of([outputs[kind]["artifact"]])
        name = profile.name if profile else ""
        st.subheader(t(f"train.{kind}_done", name=name) if profile else t(f"profiles.kind.{kind}"))
        # Of trainings before they were noted with the version itself, these stand among the outputs only.
        besides = {name: outputs[name]["artifact"] for name in ("samples", "curve") if name in outputs}
        versions.show(kind, besides | outputs[kind], f"{name}-{kind}" if profile else kind)
    return profile


def _next(profile: Profile) -> None:
    if st.button(t("train.use"), type="primary", icon=":material/movie:", key="use"):
        go("create", who="profile", profile=profile.name)
    if st.button(t("train.profile_of", name=profile.name), icon=":material/person:", key="to-profile"):
        go("profiles", profile=profile.name)


def address(job: Job, kind: Kind) -> dict[str, str]:
    """What the training was asked for with, as the page's address has it."""
    nodes = job.graph["nodes"]
    given: list[dict[str, Any]] = nodes[kind.files]["params"][kind.files]
    texts = {one["artifact"]: one.get(kind.text, "") for one in given}
    return {
        "what": kind.name,
        **_whose(),
        **dataset.address([one["artifact"] for one in given], texts),
        **({describing.DESCRIBE: "true"} if "describe" in nodes else {}),
        **settings.address(kind, nodes[kind.name]["params"].get("settings", {})),
    }
