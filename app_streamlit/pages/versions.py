"""One version of a look or a voice, for eyes and ears: what it came out like, and its files."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app_streamlit.parts.mounts import figures, waveform
from app_streamlit.words import t


def show(kind: str, data: dict[str, Any], name: str) -> None:
    """A look or a voice, as its training gave it; `name` is what its files are called."""
    if kind == "look":
        look(data, name)
    else:
        voice(data, name)


def look(data: dict[str, Any], name: str) -> None:
    """Samples, how like they are, and the files of each version that was kept."""
    if data.get("samples"):
        figures([{"artifact": data["samples"], "caption": t("versions.samples")}], key=f"samples-{name}", wide=True)
    for one in data["versions"]:
        best = one["artifact"] == data["artifact"]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(t("versions.look", step=one["step"], score=f"{one['score']:.2f}"), width="content")
            if best:
                st.badge(t("versions.best"), icon=":material/star:", color="green")
            stem = name if best else f"{name}-{one['step']}"
            _download("diffusers", one["artifact"], f"{stem}.safetensors")
            _download("kohya", one["kohya"], f"{stem}-kohya.safetensors")
    st.caption(t("versions.look_help", trigger=data["trigger"]))
    _curve(data, name)


def voice(data: dict[str, Any], name: str) -> None:
    """The same sentence before and after, and how like the person it is."""
    before, after = st.columns(2)
    for column, which in ((before, "before"), (after, "after")):
        if data.get(which):
            with column:
                waveform(data[which], t(f"versions.{which}"), key=f"{which}-{name}")
    with st.container(horizontal=True):
        gained = data["similarity"] - data["similarity_before"]
        st.metric(
            t("versions.similarity"),
            f"{data['similarity']:.2f}",
            f"{gained:+.2f}",
            help=t("versions.similarity_help"),
            width="content",
        )
        error = f"{data['word_error']:.1%}"
        st.metric(t("versions.word_error"), error, help=t("versions.word_error_help"), width="content")
        st.metric(t("versions.steps"), data["stopped_at"], width="content")
    _download(t("versions.voice_file"), data["artifact"], f"{name}.safetensors")
    _curve(data, name)


def _curve(data: dict[str, Any], name: str) -> None:
    if data.get("curve"):
        with st.expander(t("versions.curve"), icon=":material/show_chart:"):
            figures([{"artifact": data["curve"], "caption": t("versions.curve")}], key=f"curve-{name}", wide=True)
            if data.get("log"):
                _download("TensorBoard", data["log"], f"events.out.tfevents.{name}")


def _download(label: str, artifact: str, name: str) -> None:
    st.link_button(label, f"/studio/files/{artifact}?name={name}", icon=":material/download:")
