"""Gallery: the videos by their posters, by what was thought of them, and those that could not be made."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app_streamlit import shown
from app_streamlit.access import fragment, told
from app_streamlit.pages.filters import filters, listed, more
from app_streamlit.parts.mounts import posters, refresh
from app_streamlit.places import go
from app_streamlit.words import duration, t
from spinbot.client import JobSummary

PAGE = 24
FILTERS: dict[str, dict[str, Any]] = {
    "all": {},
    "generating": {"states": shown.ACTIVE},
    "reviewing": {"states": ("succeeded",), "review": "open"},
    "approved": {"review": "approved"},
    "rejected": {"review": "rejected"},
    "failed": {"states": ("failed",)},
}


@fragment
def page() -> None:
    """The grid, filtered and searched."""
    refresh("job.", key="gallery-news")
    st.title(t("gallery.title"))
    chosen, text = filters(t("gallery.filter"), FILTERS, lambda name: t(f"gallery.filters.{name}"))
    with told():
        wanted = FILTERS[chosen]
        found = listed("gallery", PAGE, names=shown.FILMS, text=text, **wanted)
        if not found.data:
            st.info(t("gallery.none_found") if text or wanted else t("gallery.none"), icon=":material/movie:")
            if not (text or wanted) and st.button(t("gallery.create"), type="primary"):
                go("create")
            return
        opened = posters([_item(job) for job in found.data], key="posters")
        if opened:
            go("review", job=opened)
        more("gallery", PAGE, found)


def _item(job: JobSummary) -> dict[str, Any]:
    video = (job.outputs or {}).get("video")
    parts = [duration(video["seconds"])] if video else []
    return {
        "id": job.id,
        "href": f"/review?job={job.id}",
        "title": shown.title(job),
        "poster": shown.poster(job),
        "look": shown.look(job),
        "shown": shown.state(job),
        "note": " · ".join([*parts, shown.ago(job.finished or job.created)]),
    }
