"""Makes a plan pass the checks: what is out of range is brought into it, what cannot be is left out. Both are said."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from pydantic import ValidationError

from spinbot.config import Settings
from spinbot.errors import GraphError
from spinbot.graphs.check import Fault, check
from spinbot.planner.manifest import Manifest
from spinbot.planner.plan import Plan, Reason

ROUNDS = 2
"""One for what the template refuses, one for what the graph's checks refuse of what the template let through."""

Path = tuple[int | str, ...]
"""Where a parameter stands: `("scenes", 0, "seconds")`."""


def repaired(plan: Plan, manifest: Manifest, *, artifacts: Container[str], settings: Settings) -> Plan:
    """The plan, or one like it, whose graph has no fault.

    Raises `GraphError` with what is left after `ROUNDS` rounds, `InputError` for a text that cannot be spoken.
    """
    for rounds_left in reversed(range(ROUNDS + 1)):
        try:
            faults = check(plan.graph(), artifacts=artifacts, settings=settings)[0]
            if not faults:
                return plan
            left = [fault.line() for fault in faults]
            plan = _fit_graph(plan, faults, manifest) if rounds_left else plan
        except ValidationError as error:
            left = [f"{_name(item['loc'])}: {item['msg']}" for item in error.errors()]
            plan = _fit_template(plan, error) if rounds_left else plan
    raise GraphError("; ".join(left), hint="give the template and its parameters yourself", code="bad_plan")


def _fit_template(plan: Plan, error: ValidationError) -> Plan:
    """Bring parameters that the template refuses into their range, or leave them out."""
    for item in error.errors():
        path, bounds = item["loc"], item.get("ctx", {})
        value, what = _at(plan.params, path), _name(item["loc"])
        match item["type"]:
            case "greater_than_equal":
                least = bounds["ge"]
                plan = _changed(
                    plan, path, least, f"{what} is {least:g}, the least there can be, in place of {value:g}"
                )
            case "less_than_equal":
                most = bounds["le"]
                plan = _changed(plan, path, most, f"{what} is {most:g}, the most there can be, in place of {value:g}")
            case "too_long" | "string_too_long" if isinstance(value, list | str):
                most = bounds["max_length"]
                plan = _changed(plan, path, value[:most], f"{what} is cut to {most}; it has {len(value)}")
            case _:
                plan = _changed(plan, path, None, f"{what} is left out: {item['msg']}")
    return plan


def _fit_graph(plan: Plan, faults: Sequence[Fault], manifest: Manifest) -> Plan:
    """Leave out parameters that the graph's checks refuse; the shipped portrait replaces one that is not stored."""
    for fault in faults:
        if fault.code == "missing_artifact" and "portrait" in plan.params:
            shipped = manifest.portraits[0]
            note = f"the shipped portrait {shipped.name} is used: {fault.message}"
            plan = _changed(plan, ("portrait",), shipped.artifact, note)
        elif fault.field.startswith("engine."):
            slot = fault.field.removeprefix("engine.")
            plan = _changed(plan, ("engine", slot), None, f"engine of {slot} is left out: {fault.message}")
        elif fault.field in plan.params:
            plan = _changed(plan, (fault.field,), None, f"{fault.field} is left out: {fault.message}")
    return plan


def _name(path: Path) -> str:
    return ".".join(map(str, path))


def _at(params: Any, path: Path) -> Any:
    """The parameter at a path; None where there is none."""
    for part in path:
        try:
            params = params[part]
        except (KeyError, IndexError, TypeError):
            return None
    return params


def _changed(plan: Plan, path: Path, value: Any, note: str) -> Plan:
    """The plan with the parameter at `path` set, or without it where the value is None; as it is where that is so."""
    if _at(plan.params, path) in (None, value):
        return plan
    params = _set(plan.params, path, value)
    field = str(path[0])
    reasons = {name: reason for name, reason in plan.reasons.items() if name != field}
    if field in params:
        reasons[field] = Reason(by="spinbot", why=note)
    return plan.model_copy(update={"params": params, "reasons": reasons, "notes": [*plan.notes, note]})


def _set(params: Any, path: Path, value: Any) -> Any:
    """A copy of nested parameters with one of them set, or left out for None; what is empty then goes too."""
    first, rest = path[0], path[1:]
    changed = dict(enumerate(params)) if isinstance(params, list) else dict(params)
    changed[first] = _set(changed[first], rest, value) if rest else value
    kept = {name: inner for name, inner in changed.items() if inner is not None and inner != {}}
    return list(kept.values()) if isinstance(params, list) else kept
