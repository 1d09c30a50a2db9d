"""A plan: a template with its parameters, why each is as it is, and what the user should know of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from spinbot.graphs.template import Template
from spinbot.graphs.templates import TEMPLATES


class Reason(BaseModel):
    """Why something in a plan is as it is."""

    model_config = ConfigDict(frozen=True)
    by: Literal["prompt", "model", "spinbot"] = Field(
        description="prompt: it says so; model: the language model's choice; spinbot: a default, or what can be done"
    )
    why: str


class Plan(BaseModel):
    """What to run for a prompt. Parameters that nobody asked for are not in it: the template's defaults hold."""

    model_config = ConfigDict(frozen=True)
    template: str
    params: dict[str, Any]
    reasons: dict[str, Reason] = Field(description="By parameter, and under `template`")
    notes: list[str] = Field(description="What was asked for and is not so, or not quite")

    def build(self) -> Template:
        """The template with its parameters. Raises `pydantic.ValidationError`, `InputError`."""
        return TEMPLATES[self.template].model_validate(self.params)

    def graph(self) -> dict[str, Any]:
        """The graph document."""
        return self.build().graph()
