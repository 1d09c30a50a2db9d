"""Train: pictures become a look, recordings a voice; looked through beforehand, watched while it learns."""

from __future__ import annotations

import streamlit as st

from app_streamlit import kept, shown
from app_streamlit.access import fragment, service, told
from app_streamlit.pages import dataset, describing, doctor, jobs, people, training
from app_streamlit.pages.cost import plan
from app_streamlit.pages.filters import listed, more
from app_streamlit.pages.learning import KINDS, Kind
from app_streamlit.pages.settings import settings
from app_streamlit.parts.mounts import job_rows, refresh
from app_streamlit.words import t
from spinbot.client import Profile

EARLIER = 10


def page() -> None:
    """The form, or the training that the address names."""
    if name := st.query_params.get(training.JOB):
        training.show(name)
        return
    _form()
    _earlier()


@fragment
def _form() -> None:
    st.title(t("train.title"))
    show = {name: t(f"train.kind.{name}") for name in KINDS}.__getitem__
    kind = KINDS[kept.segments(t("train.what"), list(KINDS), "what", show, label_visibility="collapsed")]
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader(t("train.who"))
        profile = people.choose()
    with right:
        st.subheader(t(f"train.{kind.files}_title"))
        files = dataset.chosen(kind)
        place = st.container()
        visit = doctor.visit(kind, files, describe=describing.asked(kind, files))
        with place:
            dataset.take(kind, files, visit.labels())
        if files:
            doctor.show(visit)
    st.subheader(t("train.how"))
    given = settings(kind)
    if profile is None or not files:
        missing = "train.not_ready_who" if profile is None else f"train.{kind.files}_not_ready"
        st.info(t(missing), icon=":material/edit:")
        return
    _begin(kind, profile, visit, given)


def _begin(kind: Kind, profile: Profile, visit: doctor.Visit, given: dict[str, object]) -> None:
    params = {kind.files: [one.model_dump() for one in visit.files], "settings": given, **visit.wish}
    fits = plan({"template": kind.train, "params": params, "profile": profile.name})
    with st.container(horizontal=True, vertical_alignment="center"):
        unfit = visit.go is False
        label = t(f"train.begin_{kind.name}", name=profile.name)
        if st.button(label, type="primary", icon=":material/school:", disabled=unfit or not fits, key="train"):
            with told():
                job = service().train(profile.name, **{kind.files: visit.files}, settings=given, **visit.wish)  # type: ignore[arg-type]
                training.watch(job.id, profile.name)
        if visit.go is not True:
            st.caption(t("train.unfit") if unfit else t("train.unchecked"))


@fragment
def _earlier() -> None:
    refresh("job.", key="train-news")
    with told():
        found = listed("train", EARLIER, names=shown.TRAININGS)
        if not found.data:
            return
        st.subheader(t("train.earlier"))
        opened, act = job_rows([shown.row(job) for job in found.data], key="train-rows")
        if opened:
            training.watch(opened)
        if act:
            jobs.do(act["job"], act["what"])
            st.rerun(scope="fragment")
        more("train", EARLIER, found)
