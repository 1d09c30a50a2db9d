"""System, models: by what they are for, which engine is in use, each model with its licence, and installing one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app_streamlit import shown
from app_streamlit.access import me, service, show, told
from app_streamlit.pages.gauges import silence
from app_streamlit.pages.jobs import do
from app_streamlit.parts.mounts import job_rows
from app_streamlit.places import go
from app_streamlit.words import known, size, t
from spinbot.client import JobSummary, Model
from spinbot.errors import SpinbotError

MOST_JOBS = 200
PULL = "fetch_model"
"""The name of jobs that install a model; their title is the model's name."""


def models() -> None:
    """All slots, each with its engines and its models."""
    client = service()
    catalogue, able = client.models(), client.capabilities()
    silence(able.silent)
    pulls = _pulls()
    admin = "admin" in me().scopes
    missing = sum(not model.installed for model in catalogue)
    st.caption(
        t("models.all_here", n=len(catalogue)) if not missing else t("models.missing", n=missing, all=len(catalogue))
    )
    if missing and not admin:
        st.caption(f":material/lock: {t('models.admin_only')}")
    titles = {model.id: model.title for model in catalogue}
    for slot in dict.fromkeys([*able.slots, *(model.slot for model in catalogue)]):
        st.subheader(known("slots", slot))
        own = [model for model in catalogue if model.slot == slot]
        if slot in able.slots:
            _engines(able.slots[slot], titles, told_below={model.id for model in own})
        for model in own:
            _model(model, pulls.get(model.id), admin=admin)


def _pulls() -> dict[str, JobSummary]:
    """The newest job that installs each model, by the model's name."""
    newest_first = service().jobs_page(names=(PULL,), limit=MOST_JOBS).data
    return {job.title: job for job in reversed(newest_first)}


def _engines(slot: dict[str, Any], titles: dict[str, str], told_below: set[str]) -> None:
    names = {engine["name"]: engine for engine in slot["engines"]}
    others = [name for name in names if name != slot["default"]]
    lines = [t("models.in_use", engine=slot["default"])]
    if others:
        lines[0] += " · " + t("models.others", engines=t("system.and").join(others))
    for name, engine in names.items():
        elsewhere = [titles.get(model, model) for model in engine["models"] if model not in told_below]
        if elsewhere:
            lines.append(t("models.shares", engine=name, models="; ".join(elsewhere)))
        elif not engine["models"]:
            lines.append(t("models.needs_none", engine=name))
    st.caption("  \n".join(lines))


def _model(model: Model, pull: JobSummary | None, *, admin: bool) -> None:
    active = pull is not None and pull.state in shown.ACTIVE
    with st.container(border=True, key=f"model-{model.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container(gap=None):
                st.markdown(f"**{model.title}**")
                st.caption(t("models.sizes", size=size(model.bytes), memory=size(model.memory_bytes)))
                st.caption(_licence(model))
            if model.installed:
                st.badge(t("models.installed"), icon=":material/check:", color="green")
            elif not active:
                _offer(model, admin=admin)
        if pull is not None and not model.installed:
            _progress(model, pull)


def _licence(model: Model) -> str:
    use = t("models.commercial") if model.commercial else t("models.not_commercial")
    icon = ":material/check_circle:" if model.commercial else ":material/block:"
    return f"{icon} {t('models.licence', licence=model.licence)} · {use}"


def _offer(model: Model, *, admin: bool) -> None:
    asked = st.button(
        t("models.pull"),
        icon=":material/download:",
        key=f"pull-{model.id}",
        disabled=not admin,
        help=t("models.pull_help", size=size(model.bytes)) if admin else t("system.admin_only"),
    )
    if asked:
        with told():
            service().pull_model(model.id)
            st.rerun(scope="fragment")


def _progress(model: Model, pull: JobSummary) -> None:
    """The job that installs it: how far it is, or why it did not."""
    if pull.state in shown.ACTIVE:
        row = shown.row(pull) | {"title": t("models.pulling"), "kind": "", "poster": None}
        opened, act = job_rows([row], key=f"pulling-{pull.id}")
        if opened:
            go("jobs", job=opened)
        if act:
            with told():
                do(act["job"], act["what"])
                st.rerun(scope="fragment")
    elif pull.state == "failed" and pull.error:
        show(SpinbotError.from_dict(pull.error))
    elif pull.state == "cancelled":
        st.caption(t("models.cancelled", ago=shown.ago(pull.finished or pull.created)))
