"""What goes when something of a person is deleted: shown first, then asked once more."""

from __future__ import annotations

import streamlit as st

from app_streamlit import shown
from app_streamlit.access import service, told
from app_streamlit.words import known, t
from spinbot.client import Profile, ProfilePart
from spinbot.errors import NotFoundError

MOST_JOBS = 8


def profile(profile: Profile) -> None:
    """Ask whether a profile is to go, with everything made of it."""
    st.dialog(t("gone.profile", name=profile.name), icon=":material/delete:")(_profile)(profile)


def part(profile: Profile, part: ProfilePart) -> None:
    """Ask whether one version is to go."""
    version = t(f"profiles.version.{part.kind}", n=part.version)
    st.dialog(t("gone.part", version=version, name=profile.name), icon=":material/delete:")(_part)(profile, part)


def _profile(profile: Profile) -> None:
    with told():
        gone = service().delete_profile(profile.name, dry_run=True)
        st.write(t("gone.profile_what"))
        lines = [t(f"profiles.version.{one.kind}", n=one.version) for one in gone.parts]
        _list(t("gone.parts", n=len(lines)), lines)
        _jobs(t("gone.jobs", n=len(gone.jobs)), gone.jobs)
        st.markdown(t("gone.files", n=len(gone.artifacts)))
        typed = st.text_input(t("gone.type", name=profile.name), key="typed-name", autocomplete="off")
        if st.button(t("gone.profile_do", name=profile.name), type="primary", icon=":material/delete_forever:"):
            if typed.strip() != profile.name:
                st.warning(t("gone.other_name", name=profile.name), icon=":material/edit:")
                return
            service().delete_profile(profile.name)
            del st.query_params["profile"]
            st.rerun()


def _part(profile: Profile, part: ProfilePart) -> None:
    with told():
        gone = service().delete_part(profile.name, part.kind, part.version, dry_run=True)
        st.markdown(t("gone.files", n=len(gone.artifacts)))
        if gone.kept:
            st.markdown(t("gone.kept", n=len(gone.kept)))
        if gone.jobs:
            _jobs(t("gone.jobs_stay", n=len(gone.jobs)), gone.jobs)
        if st.button(t("gone.part_do"), type="primary", icon=":material/delete_forever:"):
            service().delete_part(profile.name, part.kind, part.version)
            st.rerun()


def _jobs(title: str, jobs: list[str]) -> None:
    lines = [_job(name) for name in jobs[:MOST_JOBS]]
    if len(jobs) > MOST_JOBS:
        lines.append(t("gone.more", n=len(jobs) - MOST_JOBS))
    _list(title, lines)


def _job(name: str) -> str:
    try:
        job = service().job(name)
    except NotFoundError:  # of somebody else
        return name
    told = dict.fromkeys((shown.title(job), known("kinds", job.name), shown.state(job), shown.ago(job.created)))
    return " · ".join(told)  # some have no title but what they are


def _list(title: str, lines: list[str]) -> None:
    st.markdown("\n".join([title, "", *(f"- {line}" for line in lines)]))
