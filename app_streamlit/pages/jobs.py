"""Jobs: what waits, runs and has ended; one of them live, with its graph, its cause of failure and its results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from app_streamlit import shown
from app_streamlit.access import faults, fragment, service, told
from app_streamlit.pages.filters import filters, listed, more
from app_streamlit.pages.queue_switch import queue_switch
from app_streamlit.parts.mounts import figures, job_rows, job_view, player, refresh, waveform
from app_streamlit.places import go
from app_streamlit.words import known, t
from spinbot.client import Job
from spinbot.errors import NotFoundError

PAGE = 25
FILTERS = {"all": (), "active": shown.ACTIVE, "done": ("succeeded",), "failed": ("failed", "cancelled")}
FIRST = 100
"""The highest priority."""
PRIORITIES = {FIRST: "high", 0: "normal", -100: "low"}


def page() -> None:
    """All jobs, or the one that the address names."""
    job = st.query_params.get("job")
    if job is None:
        _overview()
    else:
        if st.button(t("jobs.back"), icon=":material/arrow_back:", type="tertiary"):
            del st.query_params["job"]
            st.rerun()
        one(job)


@fragment
def _overview() -> None:
    refresh("job.", key="jobs-news")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(t("jobs.title"), width="stretch")
        with told():
            queue_switch(service().queue())
    chosen, text = filters(t("jobs.filter"), FILTERS, lambda name: t(f"jobs.filters.{name}"))
    with told():
        found = listed("jobs", PAGE, states=FILTERS[chosen], text=text)
        if not found.data:
            st.info(t("jobs.none_found") if text or chosen != "all" else t("jobs.none"), icon=":material/inbox:")
            return
        opened, act = job_rows([shown.row(job) for job in found.data], key="jobs-rows")
        if opened:
            st.query_params["job"] = opened
            st.rerun()
        if act:
            do(act["job"], act["what"])
            st.rerun(scope="fragment")
        more("jobs", PAGE, found)


def do(job: str, what: str) -> None:
    """Do one of `shown.actions`."""
    client = service()
    if what == "first":
        client.set_priority(job, FIRST)
    else:
        {"cancel": client.cancel, "pause": client.pause, "resume": client.resume, "retry": client.retry}[what](job)


@fragment
def one(name: str) -> None:
    """One job, live, with what it has made."""
    live(name, results)


def live(name: str, results: Callable[[Job], None] | None = None) -> Job | None:
    """A job as it goes on, with what can be done with it; none where there is no such job.

    `results` shows what it has made, above its steps. Stands in a fragment, which runs again.
    """
    try:
        job = service().job(name)
    except NotFoundError as error:
        st.warning(f"{error.message}. {error.hint}", icon=":material/search_off:")
        return None
    st.header(shown.title(job))
    st.caption(t("jobs.about", kind=known("kinds", job.name), id=job.id, ago=shown.ago(job.created)))
    _actions(job)
    why = st.container()
    failure(job)
    if results and job.state == "succeeded":
        results(job)
    job_view(job, shown.graph(job), shown.states(job.name))
    with why:  # asked for last: people wait for the progress
        _waiting(job)
    return job


def _waiting(job: Job) -> None:
    """Why a job has not begun: nothing looks more broken than one that waits for no reason."""
    if job.state != "queued":
        return
    queue = service().queue()
    if queue.paused:
        st.warning(t("jobs.waits_paused"), icon=":material/pause:")
    else:
        st.info(t("jobs.waits", running=queue.jobs.get("running", 0), queued=queue.jobs.get("queued", 0)))


def _actions(job: Job) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for what in shown.actions(job):
            if st.button(
                t(f"act.{what}"),
                key=f"act-{what}",
                type="primary" if what == "retry" else "secondary",
                help=t(f"act.help.{what}"),
            ):
                with told():
                    do(job.id, what)
                    st.rerun(scope="fragment")
        if job.state in shown.ACTIVE:
            _priority(job)
        elif st.button(t("act.delete"), key="act-delete", icon=":material/delete:", help=t("act.help.delete")):
            with told():
                service().delete(job.id)
                del st.query_params["job"]
                st.rerun()


def _priority(job: Job) -> None:
    options = sorted({*PRIORITIES, job.priority}, reverse=True)
    chosen = st.selectbox(
        t("jobs.priority"),
        options,
        index=options.index(job.priority),
        format_func=lambda value: t(f"jobs.priorities.{PRIORITIES[value]}") if value in PRIORITIES else str(value),
        key=f"priority-{job.id}-{job.priority}",  # a new one for what others have set
        width=160,
    )
    if chosen != job.priority:
        with told():
            service().set_priority(job.id, chosen)


def failure(job: Job) -> None:
    """Why it failed: cause, node, remedy, and each fault where there are several."""
    if job.state != "failed" or not job.error:
        return
    error: dict[str, Any] = job.error
    where = shown.failed_node(job)
    lines = [f"**{error['message']}**"]
    if where:
        lines.append(t("jobs.failed_at", node=where))
    lines += faults(error.get("details", ()))
    if error.get("hint"):
        lines.append(t("jobs.remedy", hint=error["hint"]))
    st.error("\n\n".join(lines), icon=":material/error:")


def results(job: Job) -> None:
    """What a job has made, for eyes and ears."""
    outputs = job.outputs or {}
    if "video" in outputs:
        player(outputs, shown.title(job), key=f"video-{job.id}")
        if st.button(t("jobs.review"), type="primary", icon=":material/rate_review:"):
            go("review", job=job.id)
    elif "image" in outputs:
        figures(
            [{"artifact": outputs["image"]["artifact"], "caption": shown.title(job)}], key=f"image-{job.id}", wide=True
        )
    elif "speech" in outputs:
        waveform(outputs["speech"]["audio"], shown.title(job), key=f"speech-{job.id}")
    elif job.name in shown.TRAININGS and st.button(t("jobs.training"), type="primary", icon=":material/school:"):
        go("train", job=job.id)
