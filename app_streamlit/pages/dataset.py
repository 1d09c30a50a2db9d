"""What is to be learned from: uploads that the page's address names, and what is shown or said in each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from app_streamlit.access import service
from app_streamlit.pages.learning import Kind
from app_streamlit.parts.mounts import captions, uploader
from app_streamlit.words import t
from spinbot.client import Picture, Recording, Upload

FILES = "files"
"""Of the address: the files of both kinds, each by the first letters of its digest."""
TEXT = "c-{}"
"""Of the address: what is in that file."""
LETTERS = 16
MOST = 500
"""The service tells of as many of the newest uploads."""
BETWEEN = "."

Given = Picture | Recording


def short(artifact: str) -> str:
    """What the address calls a file: hundreds of them have to fit in."""
    return artifact.removeprefix("sha256:")[:LETTERS]


def address(files: Iterable[str], texts: Mapping[str, str]) -> dict[str, str]:
    """These artifacts, and what is in them, as the address has it."""
    told = {TEXT.format(short(artifact)): text for artifact, text in texts.items() if text}
    return {FILES: BETWEEN.join(map(short, files)), **told}


def chosen(kind: Kind) -> list[Given]:
    """The files of the address that are of this kind. Two of the same name get different ones: findings name them."""
    wanted = _named()
    by_name = {short(upload.artifact): upload for upload in service().uploads(MOST)} if wanted else {}
    if gone := [name for name in wanted if name not in by_name]:
        st.warning(t("train.gone", n=len(gone)), icon=":material/warning:")
        _keep([name for name in wanted if name in by_name])
    uploads = [by_name[name] for name in wanted if name in by_name and by_name[name].kind in kind.media]
    names = _different(uploads)
    return [
        kind.given(upload, name, st.query_params.get(TEXT.format(short(upload.artifact)), ""))
        for upload, name in zip(uploads, names, strict=True)
    ]


def take(kind: Kind, files: list[Given], said: Mapping[str, dict[str, str]]) -> None:
    """The place for files, with those that are there and, by name, what the doctor says of them; and their texts."""
    items = [_item(kind, one) | {"finding": said.get(one.name)} for one in files]
    label, hint = t(f"train.{kind.files}"), t(f"train.{kind.files}_hint")
    added, removed = uploader(label, hint, kind.accept, items, multiple=True, key=f"{kind.name}-upload")
    if added or removed:
        for upload in added:
            for note in _notes(kind, upload):
                st.toast(note)
        names = [short(upload["artifact"]) for upload in added if upload["kind"] in kind.media]
        _keep(dict.fromkeys(name for name in [*_named(), *names] if not removed or name != short(removed)))
        st.rerun()
    if files:
        with st.expander(t(f"train.{kind.files}_texts"), icon=":material/edit_note:"):
            _texts(kind, files)


def _texts(kind: Kind, files: list[Given]) -> None:
    st.caption(t(f"train.{kind.files}_texts_help"))
    before = {one.artifact: getattr(one, kind.text) for one in files}
    items = [_item(kind, one) | {"text": before[one.artifact]} for one in files]
    written = captions(items, t(f"train.{kind.files}_text"), kind.longest, key=f"{kind.name}-texts")
    changed = {name: text.strip() for name, text in written.items() if before.get(name, text.strip()) != text.strip()}
    for artifact, text in changed.items():
        name = TEXT.format(short(artifact))
        if text:
            st.query_params[name] = text
        else:
            del st.query_params[name]
    if changed:
        st.rerun()


def _item(kind: Kind, given: Given) -> dict[str, Any]:
    return {"artifact": given.artifact, "name": given.name, "kind": kind.media[0]}


def _named() -> list[str]:
    return list(filter(None, st.query_params.get(FILES, "").split(BETWEEN)))


def _keep(names: Iterable[str]) -> None:
    if kept := BETWEEN.join(names):
        st.query_params[FILES] = kept
    elif FILES in st.query_params:
        del st.query_params[FILES]


def _different(uploads: list[Upload]) -> list[str]:
    times: Counter[str] = Counter()
    names = []
    for upload in uploads:
        times[upload.name] += 1
        names.append(upload.name if times[upload.name] == 1 else f"{upload.name} ({times[upload.name]})")
    return names


def _notes(kind: Kind, upload: dict[str, object]) -> list[str]:
    if upload["kind"] not in kind.media:
        return [t(f"train.{kind.files}_wrong", name=upload["name"])]
    notes: list[str] = upload["notes"]  # type: ignore[assignment]
    return [f"{upload['name']}: {note}" for note in notes]
