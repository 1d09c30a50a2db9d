"""How a training is set: the fields that its template describes. What is left empty is decided by the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app_streamlit import kept
from app_streamlit.access import client_for
from app_streamlit.pages.learning import Kind
from app_streamlit.routes.visitor import COOKIE
from app_streamlit.words import known, section, t

FRESH_S = 300
PRESET = "preset"
STEPS = "max_train_steps"
FIELD = "{}-{}"
"""Of the address: that setting of that kind of training."""
COLUMNS = 3
WHOLE = "integer"
WRITTEN = {WHOLE: "%d", "number": "%g"}


def settings(kind: Kind) -> dict[str, Any]:
    """The fields; those that were filled in."""
    fields = _fields(st.context.cookies.get(COOKIE, ""), kind.train)
    given: dict[str, Any] = {}
    with st.container(horizontal=True):
        if PRESET in fields:
            given[PRESET] = kept.segments(
                t("train.preset"),
                fields[PRESET]["enum"],
                FIELD.format(kind.name, PRESET),
                lambda name: known("train.presets", name),
                help=t("train.preset_help"),
            )
        preset = given.get(PRESET, "")
        usual = preset in ("", fields.get(PRESET, {}).get("default"))
        given[STEPS] = _field(kind, STEPS, fields[STEPS], usual=usual)
    with st.expander(t("train.expert"), icon=":material/tune:"):
        st.caption(t("train.expert_help"))
        columns = st.columns(COLUMNS)
        others = [name for name in fields if name not in (PRESET, STEPS)]
        for number, name in enumerate(others):
            with columns[number % COLUMNS]:
                given[name] = _field(kind, name, fields[name], usual=usual)
    if preset == fields.get(PRESET, {}).get("default"):
        given.pop(PRESET, None)
    return {name: value for name, value in given.items() if value not in (None, "", [])}


def address(kind: Kind, given: Mapping[str, Any]) -> dict[str, str]:
    """These settings, as the address has them."""
    return {FIELD.format(kind.name, name): _written(value) for name, value in given.items() if value is not None}


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "\n".join(value) if isinstance(value, list) else str(value)


@st.cache_data(ttl=FRESH_S, max_entries=20, show_spinner=False)
def _fields(key: str, template: str) -> dict[str, dict[str, Any]]:
    """The schema of each setting, by name."""
    [found] = [one for one in client_for(key).templates() if one.name == template]
    reference: str = found.parameters["properties"]["settings"]["$ref"]
    fields: dict[str, dict[str, Any]] = found.parameters["$defs"][reference.rpartition("/")[2]]["properties"]
    return {name: _plain(schema) for name, schema in fields.items()}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the null beside the type: an empty field is one."""
    [other] = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return {**schema, **other}


def _field(kind: Kind, name: str, schema: dict[str, Any], *, usual: bool) -> Any:
    label = known("train.settings", name)
    default = schema.get("default")
    shown = _default(default) if usual else t("train.by_preset")
    place = FIELD.format(kind.name, name)
    told = f"{schema.get('description', '')} · {t('train.default', value=_default(default))}"
    if schema["type"] == "boolean":
        unset = t("train.default", value=shown) if usual else shown  # Streamlit tells options apart by what they show
        switch = {"": unset, **section("train.switch")}
        return {"true": True, "false": False}.get(
            kept.select(label, list(switch), place, switch.__getitem__, help=told)
        )
    same: dict[str, Any] = {"key": place, "bind": "query-params", "help": told}
    if schema["type"] in WRITTEN:
        return _number(label, schema, shown, same)
    if "enum" in schema:
        return st.selectbox(label, schema["enum"], index=None, placeholder=shown, **same)
    if schema["type"] == "array":
        lines = st.text_area(label, placeholder=t("train.one_a_line"), height=68, **same) or ""
        return [line.strip() for line in lines.splitlines() if line.strip()]
    return (st.text_input(label, placeholder=shown, **same) or "").strip()


def _number(label: str, schema: dict[str, Any], shown: str, same: dict[str, Any]) -> float | None:
    number = int if schema["type"] == WHOLE else float
    least, most = (
        None if limit is None else number(limit)
        for limit in (schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum"))
    )
    return st.number_input(
        label,
        least,
        most,
        None,
        step=number(1 if schema["type"] == WHOLE else _step(schema.get("default"))),
        format=WRITTEN[schema["type"]],
        placeholder=shown,
        **same,
    )


def _step(default: Any) -> float:
    """A tenth of the default, in a round number."""
    return float(f"1e{f'{default:e}'.rpartition('e')[2]}") / 10 if default else 0.1


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return t(f"train.switch.{value}".lower())
    if value in (None, "", []):
        return t("train.automatic")
    return f"{value:g}" if isinstance(value, float) else str(value)
