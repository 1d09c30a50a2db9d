"""From a sentence to a plan: what the prompt says in so many words is read, what it leaves open the model chooses.

Read by rules (reader.py): scripts in quotation marks or behind `say:`, length, shape, captions, voice and engine by
name or description, head movement, seed, `audio only`, and numbered, listed or ordered scenes. They become constants
of the plan's grammar. The model's choice (choices.py): the template where nothing settles it, the words of the prompt
that are the topic, and one voice where several fit a description equally well. Everything that a plan names comes from
the manifest.

Knows nothing of Ray or HTTP, and runs no graph.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from spinbot.actors.host import CallContext
from spinbot.config import Settings
from spinbot.errors import GraphError, InputError, ModelError
from spinbot.planner.choices import PLAIN, Llm
from spinbot.planner.draft import MAX_TOPIC, Draft
from spinbot.planner.manifest import Manifest
from spinbot.planner.plan import Plan, Reason
from spinbot.planner.reader import Reading, read
from spinbot.planner.repair import repaired

MAX_PROMPT = 20_000
"""Characters: 13 minutes of speech in quotation marks, which is the most that can be spoken, and a little more."""


def plan_prompt(
    prompt: str,
    manifest: Manifest,
    llm: Llm | None,
    portrait: str | None = None,
    *,
    artifacts: Container[str],
    settings: Settings,
) -> Plan:
    """A plan whose graph passes the checks.

    `portrait` is the artifact id of a picture; without one the shipped portrait speaks, which must be in `artifacts`.
    Where there is no model, or it fails, its choices are the plain ones; where a plan cannot be repaired, it becomes
    the plain template without options; the notes then say why. Raises `InputError` for a prompt that says nothing to
    talk about or is too long, and for a script that cannot be spoken; `GraphError` where even the plain template has a
    fault.
    """
    if len(prompt) > MAX_PROMPT:
        raise InputError(
            f"the prompt has {len(prompt):,} characters; the limit is {MAX_PROMPT:,}",
            hint="split it into several videos",
            code="prompt_too_long",
        )
    reading = read(prompt, manifest)
    if not (reading.script or reading.pieces or reading.scenes):
        raise InputError(
            f"the prompt {prompt.strip()[:60]!r} does not say what to talk about",
            hint='say it in a few words, such as "why the sky is blue, 20 seconds, vertical"',
            code="empty_prompt",
        )
    try:
        return repaired(_drafted(reading, manifest, llm, portrait), manifest, artifacts=artifacts, settings=settings)
    except (GraphError, InputError) as error:  # what the prompt itself cannot have, the plain template refuses too
        plain = _plain(reading, manifest, portrait, f"the plan could not be repaired: {error.message}")
        return repaired(plain, manifest, artifacts=artifacts, settings=settings)


def _drafted(reading: Reading, manifest: Manifest, llm: Llm | None, portrait: str | None) -> Plan:
    """What was read and what the model chose; without the model where it fails."""
    why = "no language model was there to choose with"
    if llm is not None:
        try:
            return Draft(reading, manifest, llm, portrait).plan()
        except (ModelError, InputError) as error:  # the latter where the prompt is too long for it
            why = f"the language model did not answer: {error.message}"
    plan = Draft(reading, manifest, None, portrait).plan()
    return plan.model_copy(update={"notes": [*plan.notes, why]})


def _plain(reading: Reading, manifest: Manifest, portrait: str | None, why: str) -> Plan:
    """The plain template with nothing that could be at fault."""
    topics = [*(" ".join(piece.words) for piece in reading.pieces), *(scene.topic for scene in reading.scenes)]
    script = reading.script or "\n\n".join(scene.script for scene in reading.scenes)
    said = {"script": script} if script else {"topic": max(topics, key=len)[:MAX_TOPIC]}
    return Plan(
        template=PLAIN,
        params=said | {"portrait": portrait or manifest.portraits[0].artifact},
        reasons={"template": Reason(by="spinbot", why="the plan that the prompt asks for cannot be run")},
        notes=[*reading.notes, why],
    )


@dataclass(frozen=True)
class PlanRequest:
    """What `plan_in_host` needs; it pickles."""

    prompt: str
    manifest: Manifest
    settings: Settings
    portrait: str | None = None


def plan_in_host(context: CallContext, request: PlanRequest) -> dict[str, Any]:
    """The function of a call that plans where the script engine is loaded; answers the plan as JSON.

    The call's `engines` name the engine of the slot `script`; one without `answers` plans without a model.
    """
    with context.engine("script") as engine:
        plan = plan_prompt(
            request.prompt,
            request.manifest,
            getattr(engine, "answers", None),
            request.portrait,
            artifacts=context.artifacts,
            settings=request.settings,
        )
    return plan.model_dump(mode="json")
