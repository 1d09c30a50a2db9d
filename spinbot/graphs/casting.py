"""Who plays in a template: the parameters that a profile gives it."""

from __future__ import annotations

from typing import Any

from spinbot.errors import InputError
from spinbot.graphs.templates import TEMPLATES, Film
from spinbot.store.profiles import Profile


def cast(template: str, params: dict[str, Any], profile: Profile) -> dict[str, Any]:
    """The parameters of a template in which the person of a profile is seen and heard; a voice that is given stays.

    Raises `InputError` where there is no consent, no portrait, or where the parameters show somebody else.
    """
    consent = profile.agreed()
    given: dict[str, Any] = {"voice": profile.voice} if profile.voice else {}
    kind = TEMPLATES.get(template)
    if kind is not None and issubclass(kind, Film):
        if other := {"portrait", "look", "consent"} & params.keys():
            raise InputError(
                f"both a profile and {'a ' if 'consent' not in other else ''}{min(other)} are given",
                hint="leave one out",
                code="two_faces",
            )
        portrait = profile.newest("portrait")
        if portrait is None:
            raise InputError(
                f"profile {profile.name} has no portrait",
                hint=f"add one: spinbot profile add {profile.name} portrait.jpg",
                code="no_portrait",
            )
        given |= {
            "portrait": portrait.artifact,
            "consent": f"{consent.person} agreed to: {consent.purpose}; attested by {consent.attested_by}",
        }
    return given | params
