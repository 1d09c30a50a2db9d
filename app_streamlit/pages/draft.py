"""A script before it is rendered: written by the service, changed sentence by sentence, then said."""

from __future__ import annotations

import streamlit as st

from app_streamlit.access import fragment, service, told
from app_streamlit.pages.jobs import failure
from app_streamlit.parts.mounts import job_view
from app_streamlit.shown import graph
from app_streamlit.words import t

DRAFT = "draft"
"""Of the address: the job that writes the script."""
LINE = "s{}"
MOST_LETTERS = 600


@fragment
def script() -> None:
    """The script of the draft, in fields that stay in the address; while it is written, how far that is."""
    job = service().job(st.query_params[DRAFT])
    if job.state != "succeeded":
        job_view(job, graph(job))
        failure(job)
        return
    if not st.session_state.get("draft-shown"):
        st.session_state["draft-shown"] = True
        st.rerun()
    written = (job.outputs or {})["script"]
    st.subheader(written["title"])
    for number, sentence in enumerate(written["sentences"]):
        st.text_area(
            t("draft.sentence", n=number + 1),
            sentence,
            key=LINE.format(number),
            bind="query-params",
            height="content",
            max_chars=MOST_LETTERS,
        )
    st.caption(t("draft.help"))


def text() -> str:
    """The script as it stands now; empty while it is being written."""
    with told():
        job = service().job(st.query_params[DRAFT])
        if job.state != "succeeded":
            return ""
        sentences = (job.outputs or {})["script"]["sentences"]
        lines = [st.session_state.get(LINE.format(n), sentence) or "" for n, sentence in enumerate(sentences)]
        return "\n\n".join(filter(None, (line.strip() for line in lines)))
    return ""


def discard() -> None:
    """Forget the draft."""
    del st.query_params[DRAFT]
    st.session_state.pop("draft-shown", None)
