"""What a video is asked for with: each field stands in the page's address, so that a reload or a link keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app_streamlit import kept
from app_streamlit.access import service, told
from app_streamlit.pages.one_file import one_file
from app_streamlit.words import t
from spinbot.client import Voice

SAID = ("topic", "script", "topics")
WHO = ("look", "photo", "profile")
LOOKS = "a woman with long dark hair and a green jacket, grey wall"
ASPECTS = ("1:1", "9:16", "16:9")
CAPTIONS = ("srt", "burn", "none")
SAMPLE_LETTERS = 160
PICTURES = "image/png,image/jpeg,image/webp"


@dataclass(frozen=True)
class Said:
    """What is said: topics, or the script itself."""

    topics: tuple[str, ...] = ()
    script: str = ""

    @property
    def ready(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.topics or self.script)


def what_is_said() -> Said:
    """Topic, script, or several topics."""
    how = kept.segments(t("create.said"), SAID, "how", lambda name: t(f"create.said_{name}"))
    if how == "script":
        text = st.text_area(
            t("create.script"), key="text", bind="query-params", height=160, help=t("create.script_help")
        )
        return Said(script=text.strip())
    if how == "topics":
        text = st.text_area(
            t("create.topics"), key="many", bind="query-params", height=160, help=t("create.topics_help")
        )
        return Said(topics=tuple(filter(None, (line.strip() for line in text.splitlines()))))
    topic = st.text_input(
        t("create.topic"), key="topic", bind="query-params", placeholder=t("create.topic_example"), max_chars=500
    )
    return Said(topics=(topic.strip(),) if topic.strip() else ())


def who_speaks() -> dict[str, Any] | None:
    """The parts of a request that say who is seen: `params` or `profile`; none where nobody was chosen yet."""
    who = kept.segments(t("create.who"), WHO, "who", lambda name: t(f"create.who_{name}"))
    if who == "photo":
        return _photo()
    if who == "profile":
        return _profile()
    look = st.text_input(
        t("create.look"), LOOKS, key="look", bind="query-params", max_chars=1000, help=t("create.look_help")
    )
    return {"params": {"look": look.strip()}} if look.strip() else None


def _photo() -> dict[str, Any] | None:
    artifact = one_file("photo", t("create.photo"), t("create.photo_hint"), PICTURES, "image")
    return {"params": {"portrait": artifact}} if artifact else None


def _profile() -> dict[str, Any] | None:
    profiles = service().profiles()
    if not profiles:
        st.info(t("create.no_profiles"), icon=":material/person_add:")
        return None
    names = [profile.name for profile in profiles]
    name = kept.select(t("create.profile"), names, "profile")
    chosen = next((profile for profile in profiles if profile.name == name), None)
    if chosen is None:
        return None
    if chosen.consent is None:
        st.warning(t("create.no_consent", name=chosen.name), icon=":material/gavel:")
        return None
    return {"profile": chosen.name, "params": {}}


def which_voice(voices: list[Voice], *, of_profile: bool) -> str:
    """A voice, with a way to hear it at once; empty: the one that suits."""
    by_id = {voice.id: voice for voice in voices}
    nothing = t("create.voice_of_profile") if of_profile else t("create.voice_any")

    def shown(name: str) -> str:
        return f"{by_id[name].name}, {by_id[name].description}" if name in by_id else nothing

    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = kept.select(t("create.voice"), ["", *by_id], "voice", shown)
        hear = st.button(t("create.hear"), icon=":material/volume_up:", disabled=not chosen, key="hear")
    if hear and chosen:
        text = (st.session_state.get("topic") or t("create.sample"))[:SAMPLE_LETTERS]
        with told(), st.spinner(t("create.speaking")):
            sound = service().speech(text, voice=chosen, engine=by_id[chosen].engine)
            st.audio(sound, format="audio/wav", autoplay=True)
    return chosen


def which_shape() -> dict[str, Any]:
    """Length, aspect, captions, seed."""
    seconds = st.slider(t("create.seconds"), 4, 120, 10, key="seconds", bind="query-params", format="%d s")
    aspect = kept.segments(t("create.aspect"), ASPECTS, "aspect")
    captions = kept.segments(t("create.captions"), CAPTIONS, "captions", lambda name: t(f"create.captions_{name}"))
    with st.expander(t("create.more"), icon=":material/tune:"):
        seed = st.number_input(
            t("create.seed"), 0, 2**31, 0, key="seed", bind="query-params", help=t("create.seed_help")
        )
        sway = st.slider(
            t("create.sway"), 0.0, 2.0, 1.0, 0.1, key="sway", bind="query-params", help=t("create.sway_help")
        )
    shape: dict[str, Any] = {"seconds": seconds, "aspect": aspect, "captions": captions, "seed": seed}
    return shape | ({"sway": sway} if sway != 1.0 else {})
