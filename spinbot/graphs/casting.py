"""Who plays in a template: the parameters that a profile gives it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from spinbot.errors import InputError
from spinbot.graphs.films import Film, VoiceOver
from spinbot.graphs.templates import TEMPLATES, Picture
from spinbot.graphs.trainings import Debut, LookTraining, VoiceTraining
from spinbot.store.profiles import Part, Profile


def cast(template: str, params: dict[str, Any], profile: Profile) -> dict[str, Any]:
    """The parameters of a template in which the person of a profile is seen and heard; a voice that is given stays.

    Raises `InputError` where there is no consent, no portrait, or where the parameters show somebody else.
    """
    kind = TEMPLATES.get(template)
    agreed = {"consent": agreement(profile)}
    given = {} if "voice" in params else _voice(profile)
    if kind is None or not issubclass(kind, Film | Picture | LookTraining | VoiceTraining):
        return (given if kind is VoiceOver else {}) | params
    if "consent" in params:
        raise InputError("both a profile and a consent are given", hint="leave one out", code="two_faces")
    if issubclass(kind, LookTraining | VoiceTraining | Debut):
        return agreed | params
    if kind is Picture:
        return agreed | {"lora": _look(profile).artifact} | params
    return given | agreed | _face(profile, params) | params


def agreement(profile: Profile) -> str:
    """What stands in the Content Credentials. Raises `InputError` (`consent_required`)."""
    consent = profile.agreed()
    when = datetime.fromtimestamp(consent.time, UTC).date()
    sample = f"; sample {consent.sample}" if consent.sample else ""
    return f"{consent.person} agreed to: {consent.purpose}; attested by {consent.attested_by} on {when}{sample}"


def _voice(profile: Profile) -> dict[str, Any]:
    """The trained voice; else the stock voice that stands for it."""
    trained = profile.newest("voice")
    if trained is not None:
        return {"trained_voice": trained.artifact}
    return {"voice": profile.voice} if profile.voice else {}


def _face(profile: Profile, params: dict[str, Any]) -> dict[str, Any]:
    """Whose face is shown: the portrait; or one drawn by the trained look, where there is none or words say how."""
    if other := {"portrait", "lora"} & params.keys():
        raise InputError(f"both a profile and a {min(other)} are given", hint="leave one out", code="two_faces")
    portrait = profile.newest("portrait")
    if portrait is not None and "look" not in params:
        return {"portrait": portrait.artifact}
    return {"lora": _look(profile).artifact}


def _look(profile: Profile) -> Part:
    """The newest trained look. Raises `InputError` where there is none."""
    look = profile.newest("look")
    if look is None and profile.newest("portrait"):
        raise InputError(
            f"profile {profile.name} has no trained look",
            hint=f"train one: spinbot train look photos/ --name {profile.name}",
            code="no_look",
        )
    if look is None:
        raise InputError(
            f"profile {profile.name} has no portrait",
            hint=f"add one: spinbot profile add {profile.name} portrait.jpg",
            code="no_portrait",
        )
    return look
