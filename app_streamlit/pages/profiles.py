"""Profiles: people, what they agreed to, and what there is of them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app_streamlit.access import fragment, service, told
from app_streamlit.pages import gone, people, versions
from app_streamlit.parts import mounts
from app_streamlit.parts.mounts import figures, uploader, waveform
from app_streamlit.places import go
from app_streamlit.shown import ago
from app_streamlit.words import t
from spinbot.client import Profile, ProfilePart
from spinbot.errors import NotFoundError

PROFILE = "profile"
"""Of the address: the one that is looked at."""
KINDS = ("look", "voice", "portrait", "recording")
PICTURES = "image/png,image/jpeg,image/webp"


@fragment
def page() -> None:
    """All profiles, or the one that the address names."""
    name = st.query_params.get(PROFILE)
    if name is None:
        _all()
        return
    if st.button(t("profiles.back"), icon=":material/arrow_back:", type="tertiary", key="back"):
        leave()
    try:
        profile = service().profile(name)
    except NotFoundError as error:
        st.warning(f"{error.message}.", icon=":material/search_off:")
        return
    _one(profile)


def leave() -> None:
    """Go to the list."""
    del st.query_params[PROFILE]
    st.rerun()


def _all() -> None:
    st.title(t("profiles.title"))
    with st.popover(t("profiles.new"), icon=":material/person_add:"):
        _new()
    profiles = service().profiles()
    if not profiles:
        st.info(t("profiles.none"), icon=":material/person:")
        return
    if opened := mounts.people([_card(profile) for profile in profiles], key="profile-cards"):
        st.query_params[PROFILE] = opened
        st.rerun()


def _new() -> None:
    voices = {voice.id: f"{voice.name}, {voice.description}" for voice in service().voices()}
    called = {"": t("profiles.any_voice"), **voices}
    with st.form("new-profile", border=False):
        name = st.text_input(t("profiles.name"), max_chars=63, help=t("profiles.name_help"), placeholder="ada-lovelace")
        voice = st.selectbox(
            t("profiles.voice"),
            list(called),
            format_func=called.__getitem__,
            help=t("profiles.voice_help"),
        )
        if st.form_submit_button(t("profiles.make"), type="primary"):
            with told():
                st.query_params[PROFILE] = service().create_profile(name.strip(), voice or "").name
                st.rerun()


def _card(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "href": f"/profiles?profile={profile.name}",
        "face": _face(profile),
        "agreed": profile.consent is not None,
        "shown": t("profiles.consent") if profile.consent else t("profiles.no_consent"),
        "note": " · ".join(_counts(profile)) or t("profiles.empty"),
    }


def _face(profile: Profile) -> str | None:
    """The newest portrait, else what the newest look draws."""
    portraits = [part.artifact for part in profile.parts if part.kind == "portrait"]
    samples = [part.data.get("samples") for part in profile.parts if part.kind == "look"]
    return next(filter(None, [*portraits, *samples]), None)


def _counts(profile: Profile) -> list[str]:
    counts = {kind: sum(part.kind == kind for part in profile.parts) for kind in KINDS}
    return [t(f"profiles.count.{kind}", n=n) for kind, n in counts.items() if n]


def _one(profile: Profile) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(profile.name, width="stretch")
        agreed = profile.consent is not None
        st.badge(
            t("profiles.consent") if agreed else t("profiles.no_consent"),
            icon=":material/gavel:",
            color="green" if agreed else "red",
        )
        if st.button(t("profiles.delete"), icon=":material/delete:", key="delete"):
            gone.profile(profile)
    _ways(profile)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(t("profiles.consent_title"))
        _consent(profile)
    with right:
        st.subheader(t("profiles.portrait"))
        _portrait(profile)
    for kind in KINDS:
        _parts(profile, [part for part in profile.parts if part.kind == kind], kind)


def _ways(profile: Profile) -> None:
    """What can be done with the person."""
    with st.container(horizontal=True):
        disabled = profile.consent is None
        if st.button(t("train.use"), type="primary", icon=":material/movie:", disabled=disabled, key="use"):
            go("create", who="profile", profile=profile.name)
        for what, icon in (("look", ":material/photo_camera:"), ("voice", ":material/mic:")):
            if st.button(t(f"profiles.train_{what}"), icon=icon, key=f"train-{what}"):
                go("train", what=what, profile=profile.name)


def _consent(profile: Profile) -> None:
    if profile.consent is None:
        people.attest(profile)
        return
    people.consent(profile)
    if sample := profile.consent.get("sample"):
        waveform(sample, t("consent.sample_given"), key=f"consent-{profile.name}")
    with st.popover(t("consent.anew"), icon=":material/edit:"):
        people.attest(profile)


def _portrait(profile: Profile) -> None:
    portraits = [part for part in profile.parts if part.kind == "portrait"]
    for portrait in portraits[:1]:
        with st.container(border=True):
            _part(profile, portrait, newest=True)
    label = t("profiles.portrait_new") if portraits else t("profiles.portrait_first")
    added, _ = uploader(label, t("profiles.portrait_hint"), PICTURES, [], multiple=False, key="portrait-upload")
    if added:
        with told():
            service().add_portrait(profile.name, added[-1]["artifact"])
            st.rerun()
    if profile.voice:
        st.caption(t("profiles.default_voice", voice=profile.voice))


def _parts(profile: Profile, parts: list[ProfilePart], kind: str) -> None:
    newest = parts[0] if parts else None
    listed = parts[1:] if kind == "portrait" else parts  # the newest portrait stands above
    if listed:
        st.subheader(t("profiles.older") if kind == "portrait" else t(f"profiles.kind.{kind}"))
    for part in listed:
        with st.container(border=True):
            _part(profile, part, newest=part is newest)


def _part(profile: Profile, part: ProfilePart, *, newest: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        version = t(f"profiles.version.{part.kind}", n=part.version)
        st.markdown(f"**{version}** · {people.date(part.created)} · {ago(part.created)}", width="stretch")
        if newest:
            st.badge(t("profiles.in_use"), color="green")
        name = f"{part.kind}-{part.version}"
        label = t("profiles.delete_part")
        if st.button(label, icon=":material/delete:", type="tertiary", key=f"delete-{name}", help=version):
            gone.part(profile, part)
    if part.kind == "portrait":
        figures([{"artifact": part.artifact, "caption": version}], key=name)
    elif part.kind == "recording":
        waveform(part.artifact, version, key=name)
    else:
        versions.show(part.kind, part.data, f"{profile.name}-{name}")
