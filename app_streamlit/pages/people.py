"""Whom something is made of: chosen or named anew, and what they have agreed to."""

from __future__ import annotations

import time

import streamlit as st

from app_streamlit.access import service, told
from app_streamlit.pages.one_file import forget, one_file
from app_streamlit.words import t
from spinbot.client import Profile

SAMPLE = "sample-{}"
"""Of the address: the recording in which the person of that profile agrees."""


def choose() -> Profile | None:
    """A profile, with its consent on record; none before both."""
    profiles = {profile.name: profile for profile in service().profiles()}
    name = st.selectbox(
        t("train.profile"),
        list(profiles),
        index=None,
        key="profile",
        bind="query-params",
        placeholder=t("train.profile_placeholder"),
        accept_new_options=True,
        help=t("profiles.name_help"),
    )
    if not name:
        return None
    if name not in profiles:
        label = t("profiles.create", name=name)
        if st.button(label, type="primary", icon=":material/person_add:", key="create-profile"):
            with told():
                service().create_profile(name)
                st.rerun()
        return None
    profile = profiles[name]
    if profile.consent is None:
        with st.container(border=True):
            st.markdown(f"**{t('consent.wanted', name=name)}**")
            attest(profile)
        return None
    st.caption(t("consent.line", person=profile.consent["person"], purpose=profile.consent["purpose"]))
    return profile


def attest(profile: Profile) -> None:
    """The form that puts the consent on record."""
    st.caption(t("consent.why"))
    person = st.text_input(t("consent.person"), key=f"person-{profile.name}", bind="query-params", max_chars=200)
    purpose = st.text_input(
        t("consent.purpose"),
        key=f"purpose-{profile.name}",
        bind="query-params",
        max_chars=500,
        placeholder=t("consent.purpose_example"),
    )
    place = SAMPLE.format(profile.name)
    with st.expander(t("consent.sample"), icon=":material/mic:", expanded=place in st.query_params):
        sample = one_file(place, t("consent.sample"), t("consent.sample_hint"), "audio/*,video/*", "audio")
    sure = st.checkbox(t("consent.attest"), key=f"sure-{profile.name}")
    if st.button(t("consent.record"), type="primary", icon=":material/gavel:", key="attest"):
        if not (sure and person and person.strip() and purpose and purpose.strip()):
            st.warning(t("consent.missing"), icon=":material/edit:")
            return
        with told():
            service().attest(profile.name, person.strip(), purpose.strip(), sample)
            forget(place)
            st.rerun()


def consent(profile: Profile) -> None:
    """What is on record."""
    given = profile.consent
    assert given is not None
    facts = {
        "consent.person": given["person"],
        "consent.purpose": given["purpose"],
        "consent.by": given["attested_by"],
        "consent.when": date(given["time"]),
    }
    st.markdown("\n\n".join(f"**{t(key)}** · {value}" for key, value in facts.items()))


def date(when: float) -> str:
    """The day and the time, as the service's machine has them."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(when))
