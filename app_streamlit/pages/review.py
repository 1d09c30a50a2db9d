"""Review: one video, judged, compared, changed sentence by sentence, downloaded, asked for again."""

from __future__ import annotations

import json
from typing import Any, Literal

import streamlit as st

from app_streamlit import kept, recall, shown
from app_streamlit.access import fragment, service, told
from app_streamlit.pages.jobs import do, failure
from app_streamlit.parts.mounts import compare, job_view, player
from app_streamlit.places import go
from app_streamlit.words import t
from spinbot.client import Job
from spinbot.errors import NotFoundError

MOST_OTHERS = 50
SCORES = {
    "lipsync_correlation": "{:.2f}",
    "word_error_rate": "{:.1%}",
    "audio_video_drift_ms": "{:.0f} ms",
    "loudness_lufs": "{:.1f} LUFS",
}
COLOURS: dict[str, Literal["green", "red"]] = {"approved": "green", "rejected": "red", "failed": "red"}
LOWEST = {"lipsync_correlation": 0.5}
"""Below this a viewer sees that the mouth does not follow the voice."""


@fragment
def page() -> None:
    """The video that the address names."""
    name = st.query_params.get("job", "")
    try:
        job = service().job(name)
    except NotFoundError:
        st.info(t("review.choose"), icon=":material/photo_library:")
        if st.button(t("review.gallery"), type="primary"):
            go("gallery")
        return
    if st.button(t("review.gallery"), icon=":material/arrow_back:", type="tertiary", key="to-gallery"):
        go("gallery")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(shown.title(job), width="stretch")
        st.badge(shown.state(job), color=COLOURS.get(shown.look(job), "blue"))
    if "video" not in (job.outputs or {}):  # not yet; or it makes none
        _unfinished(job)
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        player(job.outputs or {}, shown.title(job), key=f"video-{job.id}")
    with right:
        _verdict(job)
        _downloads(job)
        _scores(job.outputs or {})
        if st.button(t("review.recall"), icon=":material/tune:", help=t("review.recall_help"), key="recall"):
            go("create", **recall.address(job))
        if st.button(t("review.steps"), icon=":material/account_tree:", key="steps"):
            go("jobs", job=job.id)
    edit, other, credentials = st.tabs([t("review.edit"), t("review.compare"), t("review.credentials")])
    with edit:
        _sentences(job)
    with other:
        _compare(job)
    with credentials:
        _credentials(job)


def _unfinished(job: Job) -> None:
    for what in shown.actions(job):
        if st.button(t(f"act.{what}"), key=f"act-{what}"):
            with told():
                do(job.id, what)
                st.rerun(scope="fragment")
    failure(job)
    job_view(job, shown.graph(job), shown.states(job.name))


def _verdict(job: Job) -> None:
    note = st.text_input(t("review.note"), job.note, key=f"note-{job.id}", max_chars=1000)
    with st.container(horizontal=True):
        for verdict, icon in (("approved", ":material/thumb_up:"), ("rejected", ":material/thumb_down:")):
            given = job.review == verdict
            if st.button(
                t(f"review.{verdict}"),
                icon=icon,
                type="primary" if given else "secondary",
                key=verdict,
                help=t("review.again") if given else None,
            ):
                with told():
                    service().review(job.id, None if given else verdict, note)
                    st.rerun(scope="fragment")


def _downloads(job: Job) -> None:
    outputs = job.outputs or {}
    stem = "".join(letter if letter.isalnum() else "-" for letter in shown.title(job))[:60].strip("-") or "video"
    files = {"MP4": (outputs["video"]["artifact"], "mp4")}
    files |= {name.upper(): (artifact, name) for name, artifact in (outputs.get("captions") or {}).items()}
    with st.container(horizontal=True):
        for label, (artifact, extension) in files.items():
            st.link_button(label, f"/studio/files/{artifact}?name={stem}.{extension}", icon=":material/download:")
        # asked for at the click: the page does not wait for it
        st.download_button(
            t("review.sidecar"),
            lambda: json.dumps(service().sidecar(job.id), indent=2, ensure_ascii=False),
            f"{stem}.json",
            "application/json",
            icon=":material/data_object:",
            on_click="ignore",
            help=t("review.sidecar_help"),
        )


def _scores(outputs: dict[str, Any]) -> None:
    scores = (outputs.get("report") or {}).get("scores") or {}
    told_of = {name: scores[name] for name in SCORES if scores.get(name) is not None}
    if not told_of:
        return
    with st.container(horizontal=True):
        for name, value in told_of.items():
            st.metric(t(f"scores.{name}"), SCORES[name].format(value), help=t(f"scores.help.{name}"), width="content")
    for name, lowest in LOWEST.items():
        if told_of.get(name, lowest) < lowest:
            st.warning(t("scores.low", score=t(f"scores.{name}")), icon=":material/warning:")


def _sentences(job: Job) -> None:
    sentences = ((job.outputs or {}).get("script") or {}).get("sentences", ())
    st.caption(t("review.edit_help"))
    for number, sentence in enumerate(sentences, 1):
        row = st.form(f"sentence-{job.id}-{number}", border=False).container(
            horizontal=True, vertical_alignment="bottom"
        )
        with row:
            text = st.text_area(t("draft.sentence", n=number), sentence, height="content", max_chars=600)
            sent = st.form_submit_button(t("review.rerender"), icon=":material/movie_edit:")
        if sent:
            if not text.strip() or text.strip() == sentence:
                st.warning(t("review.unchanged"), icon=":material/edit_off:")
                continue
            with told():
                go("review", job=service().edit(job.id, number, text.strip()).id)


def _compare(job: Job) -> None:
    others = service().jobs(names=shown.FILMS, states=("succeeded",), limit=MOST_OTHERS)
    named = {other.id: other for other in others if other.id != job.id}
    if not named:
        st.info(t("review.nothing_to_compare"), icon=":material/compare:")
        return

    def label(name: str) -> str:
        if not name:
            return t("review.choose_other")
        # Streamlit tells options apart by what they show, and an edited video has the title of the first.
        return f"{shown.title(named[name])}, {shown.ago(named[name].created)} · {name[:6]}"

    chosen = kept.select(t("review.with"), ["", *named], "other", label)
    if chosen:
        sides = [
            {"title": shown.title(one), "video": (one.outputs or {})["video"]["artifact"], "poster": shown.poster(one)}
            for one in (job, named[chosen])
        ]
        compare(sides, key=f"compare-{job.id}-{chosen}")


def _credentials(job: Job) -> None:
    with told():
        found = service().credentials((job.outputs or {})["video"]["artifact"])
        if not found.has_manifest:
            st.warning(t("credentials.none"), icon=":material/gpp_bad:")
            return
        if found.valid:
            st.success(t("credentials.valid"), icon=":material/verified_user:")
        else:
            st.error("\n\n".join([t("credentials.invalid"), *found.problems]), icon=":material/gpp_bad:")
        facts = {
            "credentials.made": t("credentials.ai") if found.ai_generated else t("credentials.not_ai"),
            "credentials.title": found.title,
            "credentials.generator": found.generator,
            "credentials.issuer": found.issuer,
            "credentials.models": ", ".join(found.models),
            "credentials.consent": str((found.extra or {}).get("consent", "")),
        }
        for key, value in facts.items():
            if value:
                st.markdown(f"**{t(key)}** · {value}")
        st.caption(" ".join([t("credentials.root"), *found.remarks]))
