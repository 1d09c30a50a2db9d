"""System, queue: how many jobs wait and run, whether it is paused, and how it was over the last hours."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from app_streamlit import kept
from app_streamlit.access import service
from app_streamlit.pages.queue_switch import queue_switch
from app_streamlit.words import t
from spinbot.client import QueueHistory

SPANS = {"hour": (1, 30), "day": (24, 48), "week": (168, 56)}
"""Hours back, and how many bars: one for 2 minutes, half an hour, three hours."""
MOMENTS = 240
"""Of the lines: a job that ran between two of them is not seen there."""
NOW = ("queued", "running", "paused", "succeeded", "failed", "cancelled")
STOOD = {"waiting": "orange", "running": "primary"}
ENDED = {"succeeded": "green", "failed": "red", "cancelled": "gray"}
HEIGHT = 240
TIME = "time"


def queue() -> None:
    """Now, then the charts."""
    found = service().queue()
    queue_switch(found)
    with st.container(horizontal=True):
        for state in NOW:
            st.metric(t(f"states.{state}"), found.jobs.get(state, 0), width="content", border=True)
    span = kept.segments(
        t("queue.span"),
        list(SPANS),
        "span",
        lambda name: t(f"queue.spans.{name}"),
        label_visibility="collapsed",
    )
    hours, bars = SPANS[span]
    _stood(service().queue_history(hours, MOMENTS))
    _ended(service().queue_history(hours, bars))


def _stood(history: QueueHistory) -> None:
    """How many jobs waited and ran, as lines."""
    most = {name: max(getattr(point, name) for point in history.points) for name in STOOD}
    st.subheader(t("queue.stood"))
    st.caption(t("queue.most", **most))
    if any(most.values()):
        st.line_chart(_series(history, STOOD), color=[*STOOD.values()], **_axes())


def _ended(history: QueueHistory) -> None:
    """How many jobs ended and how, as bars."""
    sums = {name: sum(getattr(point, name) for point in history.points) for name in ENDED}
    st.subheader(t("queue.ended"))
    st.caption(t("queue.totals", **sums))
    if any(sums.values()):
        st.bar_chart(_series(history, ENDED), color=[*ENDED.values()], **_axes())


def _series(history: QueueHistory, names: dict[str, str]) -> dict[str, list[Any]]:
    """Columns for a chart, with the times of the visitor's own clock."""
    zone = ZoneInfo(st.context.timezone or "UTC")
    times = [datetime.fromtimestamp(point.time, zone).replace(tzinfo=None) for point in history.points]
    return {TIME: times} | {t(f"queue.{name}"): [getattr(point, name) for point in history.points] for name in names}


def _axes() -> dict[str, Any]:
    return {"x": TIME, "x_label": "", "y_label": t("queue.jobs"), "height": HEIGHT}
