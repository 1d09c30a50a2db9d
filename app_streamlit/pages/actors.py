"""System, actors: the processes that compute, the engines each has in memory, and what each group may take."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app_streamlit.access import service
from app_streamlit.pages.gauges import cards, gauge, silence
from app_streamlit.words import duration, known, size, t

GIGABYTE = 1 << 30
"""Budgets are set in these."""
SHOWN = 1_000_000
"""Bytes; an engine without a model takes hardly any."""


def actors() -> None:
    """Each process, then the groups."""
    found = service().capabilities()
    silence(found.silent)
    hosts = {name: host for name, host in found.hosts.items() if "error" not in host}
    if not hosts:
        st.info(t("actors.none"), icon=":material/bedtime:")
    for name, host in hosts.items():
        _host(name, host, found.groups.get(host["group"]))
    st.subheader(t("actors.groups"))
    st.caption(t("actors.groups_help"))
    for name, group in found.groups.items():
        _group(name, group)


def _host(name: str, host: dict[str, Any], group: dict[str, Any] | None) -> None:
    with st.container(border=True, key=f"host-{name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container(gap=None):
                st.markdown(f"**{known('groups', host['group'])}** · {name}")
                where = {"machine": host["machine"], "pid": host["pid"], "memory": size(host["memory_bytes"])}
                st.caption(t("actors.where", **where))
            busy = host["busy"]
            st.badge(t("actors.busy") if busy else t("actors.idle"), color="blue" if busy else "gray")
        engines = host["engines"]
        if group:
            budget = group["memory_gb"] * GIGABYTE
            gauge(t("actors.engines"), sum(engines.values()), budget, size)
        if engines:
            with st.container(horizontal=True):
                for engine, count in engines.items():
                    slot, _, used = engine.partition("/")
                    told = f" · {size(count)}" if count >= SHOWN else ""
                    st.badge(f"{known('slots', slot)}: {used}{told}", color="violet")
        else:
            st.caption(t("actors.nothing_loaded"))
        cards(host["cuda"])


def _group(name: str, group: dict[str, Any]) -> None:
    slots = t("system.and").join(known("slots", slot) for slot in group["slots"])
    limits = {
        "memory": size(group["memory_gb"] * GIGABYTE),
        "processes": group["processes"],
        "gpus": f"{group['num_gpus']:g}",
    }
    lines = [t("actors.limits", **limits)]
    if group["processes"] > 1:
        lines.append(t("actors.ends", idle=duration(group["idle_s"])))
    with st.container(gap=None, key=f"group-{name}"):
        st.markdown(f"**{known('groups', name)}** · {slots or t('actors.no_engines')}")
        st.caption(" · ".join(lines))
