"""Whether the queue is paused, and the button that changes it."""

from __future__ import annotations

import streamlit as st

from app_streamlit.access import me, service, told
from app_streamlit.words import t
from spinbot.client import Queue


def queue_switch(queue: Queue) -> None:
    """Pause or resume the whole queue; who may not sees why. Stands in a fragment, which runs again."""
    client = service()
    admin = "admin" in me().scopes
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right", width="content"):
        if queue.paused:
            st.badge(t("jobs.paused"), icon=":material/pause:", color="orange")
        asked = st.button(
            t("jobs.resume_queue") if queue.paused else t("jobs.pause_queue"),
            icon=":material/play_arrow:" if queue.paused else ":material/pause:",
            key="queue-switch",
            disabled=not admin,
            help=t("queue.switch_help") if admin else t("system.admin_only"),
        )
    if asked:
        with told():
            (client.resume_queue if queue.paused else client.pause_queue)()
            st.rerun(scope="fragment")
