"""Create: from a topic or a script to a video, seen beforehand: what it takes, and on demand its script."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app_streamlit import recipe
from app_streamlit.access import me, service, told, voices
from app_streamlit.pages import draft, form
from app_streamlit.pages.cost import plan
from app_streamlit.parts.mounts import begun
from app_streamlit.places import go
from app_streamlit.words import t

RENDER = "render"
DEMO: dict[str, Any] = {
    "template": "talking_portrait",
    "params": {"topic": "how bees make honey", "look": form.LOOKS, "captions": "burn", "seconds": 10},
}


def page() -> None:
    """The form, with the plan of what it asks for."""
    if _empty():
        _welcome()
    st.title(t("create.title"))
    left, right = st.columns([3, 2], gap="large")
    with left:
        said = form.what_is_said()
        who = form.who_speaks()
        of_profile = who is not None and "profile" in who
        voice = form.which_voice(voices(), of_profile=of_profile)
    with right:
        shape = form.which_shape()
    if draft.DRAFT in st.query_params:
        _from_draft(who, shape, voice)
    elif not said.ready or who is None:
        st.info(t("create.not_ready"), icon=":material/edit:")
    else:
        _from_form(said, who, shape, voice)


def _empty() -> bool:
    """Whether the visitor has no job yet. Asked until there is one: each run of the page waits for the answer."""
    if not st.session_state.get("has-jobs"):
        st.session_state["has-jobs"] = next(iter(service().jobs(limit=1)), None) is not None
    return not st.session_state["has-jobs"]


def _welcome() -> None:
    with st.container(border=True):
        st.header(t("create.welcome"))
        st.write(t("create.welcome_text"))
        if st.button(t("create.demo"), type="primary", icon=":material/play_arrow:", key="demo"):
            with told():
                go("jobs", job=service().submit(**DEMO).id)
        begun("demo")


def _from_form(said: form.Said, who: dict[str, Any], shape: dict[str, Any], voice: str) -> None:
    given = [{"script": said.script}] if said.script else [{"topic": topic} for topic in said.topics]
    works = [work(one, who, shape, voice) for one in given]
    asked = bool(st.session_state.get(RENDER))
    fits = asked or plan(works[0])  # whoever has clicked does not wait for the plan again: the service checks, too
    with st.container(horizontal=True):
        label = t("create.render") if len(works) == 1 else t("create.render_all", n=len(works))
        if st.button(label, type="primary", icon=":material/movie:", disabled=not fits, key=RENDER):
            _submit(works)
        first = len(works) == 1 and not said.script
        if first and st.button(
            t("create.write"), icon=":material/edit_note:", help=t("create.write_help"), key="write"
        ):
            _write(said.topics[0], shape)
        _copies(works[0])
    begun(RENDER)


def _from_draft(who: dict[str, Any] | None, shape: dict[str, Any], voice: str) -> None:
    with st.container(border=True):
        draft.script()
    text = draft.text()
    with st.container(horizontal=True):
        if st.button(t("draft.discard"), icon=":material/delete:", key="discard"):
            draft.discard()
            st.rerun()
        if not text or who is None:
            return
        request = work({"script": text}, who, shape, voice)
        if st.button(t("create.render"), type="primary", icon=":material/movie:", key=RENDER):
            _submit([request])
        _copies(request)
    begun(RENDER)
    plan(request)


def work(given: dict[str, str], who: dict[str, Any], shape: dict[str, Any], voice: str) -> dict[str, Any]:
    """The request: what is said, by whom, in which shape."""
    params = given | who["params"] | shape | ({"voice": voice} if voice else {})
    if "script" in given:
        del params["seconds"]  # a script is as long as it is
    asked: dict[str, Any] = {"template": "talking_portrait", "params": params}
    return asked | ({"profile": who["profile"]} if "profile" in who else {})


def _submit(works: list[dict[str, Any]]) -> None:
    with told():
        made = [service().submit(**one) for one in works]
        if len(made) == 1:
            go("jobs", job=made[0].id)
        go("jobs")


def _write(topic: str, shape: dict[str, Any]) -> None:
    params = {"topic": topic, "seconds": shape["seconds"], "seed": shape["seed"]}
    with told():
        st.query_params[draft.DRAFT] = service().submit(template="script", params=params).id
        st.rerun()


def _copies(request: dict[str, Any]) -> None:
    url = service().url
    with st.popover(t("create.copy"), icon=":material/code:", key="copy"):
        shell, python, command = st.tabs(["curl", "Python", "CLI"])
        shell.code(recipe.as_curl(url, request, key=me().keys_required), language="sh", wrap_lines=True)
        python.code(recipe.as_python(url, request), language="python", wrap_lines=True)
        command.code(recipe.as_command(request), language="sh", wrap_lines=True)
