"""What a job would cost, before it is asked for: steps, what is in the cache, seconds, memory, what is missing."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from app_streamlit.access import client_for, show
from app_streamlit.routes.visitor import COOKIE
from app_streamlit.words import duration, known, size, t
from spinbot.client import Plan
from spinbot.errors import SpinbotError

FRESH_S = 15
"""The cache and the models in memory change while jobs run."""


def plan(work: dict[str, Any]) -> bool:
    """Show the plan of a request; whether it can run."""
    try:
        found = _plan(st.context.cookies.get(COOKIE, ""), json.dumps(work, sort_keys=True))
    except SpinbotError as error:
        show(error)
        return False
    preview = found.preview
    nodes = preview["nodes"]
    cached = sum(node["state"] == "cached" for node in nodes)
    memory = max((group["memory_bytes"] for group in preview["groups"].values()), default=0)
    with st.container(border=True):
        with st.container(horizontal=True):
            st.metric(t("plan.time"), duration(preview["elapsed_s"]), width="content")
            st.metric(t("plan.steps"), t("plan.cached", steps=len(nodes), cached=cached), width="content")
            st.metric(t("plan.memory"), size(memory), width="content")
        for line in preview["missing"]:
            st.warning(line, icon=":material/warning:")
        with st.expander(t("plan.details")):
            st.table([_row(node) for node in nodes])
    return bool(preview["fits"])


@st.cache_data(ttl=FRESH_S, max_entries=200, show_spinner=False)
def _plan(key: str, work: str) -> Plan:
    return client_for(key).plan(**json.loads(work))


def _row(node: dict[str, Any]) -> dict[str, str]:
    seconds = node["seconds"]
    return {
        t("plan.step"): known("nodes", node["type"]),
        t("plan.will"): known("plan_states", node["state"]),
        t("plan.takes"): "–" if seconds is None else duration(seconds) if seconds >= 1 else t("plan.less"),
        t("plan.with"): ", ".join(node["engines"].values()),
    }
