"""System, overview: each machine with what is in use of it, and where else to look."""

from __future__ import annotations

import streamlit as st

from app_streamlit.access import service
from app_streamlit.pages.gauges import cards, gauge, silence
from app_streamlit.words import size, t
from spinbot.client import Machine

LINKS = {"dashboard": ":material/hub:", "grafana": ":material/monitoring:"}


def machines() -> None:
    """All machines, then the links."""
    found = service().cluster()
    silence(found.silent)
    for machine in found.machines:
        _machine(machine)
    st.subheader(t("machines.links"))
    urls = {name: found.links.get(name) for name in LINKS}
    with st.container(horizontal=True):
        for name, url in urls.items():
            if url:
                st.link_button(t(f"machines.{name}"), url, icon=LINKS[name])
    lacking = [t(f"machines.no_{name}") for name, url in urls.items() if not url]
    if lacking:
        st.caption("  \n".join(lacking))


def _machine(machine: Machine) -> None:
    with st.container(border=True, key=f"machine-{machine.address}-{machine.name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(machine.name, width="stretch")
            st.caption(machine.address, width="content")
            alive = machine.alive
            st.badge(t("machines.alive") if alive else t("machines.gone"), color="green" if alive else "red")
        if not machine.alive:
            return
        left, right = st.columns(2, gap="medium")
        with left:
            gauge(t("machines.cpus"), machine.cpus.used, machine.cpus.total, "{:.3g}".format)
            _gpus(machine)
        with right:
            gauge(t("machines.memory"), machine.memory.used, machine.memory.total, size)
            if machine.object_store:
                gauge(t("machines.store"), machine.object_store.used, machine.object_store.total, size)
        if not machine.measured:
            st.caption(t("machines.reserved"))


def _gpus(machine: Machine) -> None:
    if not machine.gpus.total and not machine.cuda:
        st.markdown(f":small[**{t('machines.gpus')}** · {t('machines.no_gpu')}]")
        return
    gauge(t("machines.gpus"), machine.gpus.used, machine.gpus.total, "{:.3g}".format)
    cards(machine.cuda)
