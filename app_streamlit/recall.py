"""What a video was asked for with, read back from its graph: for the form, to ask for it again or otherwise."""

from __future__ import annotations

from app_streamlit.whose import profile_of
from spinbot.client import Job

PLACES = {
    "topic": ("script", "topic"),
    "seconds": ("script", "seconds"),
    "text": ("script", "text"),
    "look": ("portrait", "prompt"),
    "photo": ("portrait", "artifact"),
    "voice": ("perform", "voice"),
    "sway": ("perform", "sway"),
    "seed": ("perform", "seed"),
    "aspect": ("frame", "aspect"),
}
"""Fields of the form, and which parameter of which node of the template `talking_portrait` they became."""


PERSON = ("portrait", "look", "voice")
"""Nodes whose parameter `artifact` is of a person."""


def address(job: Job) -> dict[str, str]:
    """The form's fields, as they stand in its address."""
    nodes = job.graph["nodes"]
    found = {
        field: str(value)
        for field, (node, name) in PLACES.items()
        if (value := nodes.get(node, {}).get("params", {}).get(name)) not in (None, "")
    }
    if "seconds" in found:
        found["seconds"] = str(round(float(found["seconds"])))  # the form's slider has whole seconds
    edited = nodes.get("script", {}).get("params", {}).get("sentences")
    if edited:
        found["text"] = "\n".join(edited)
    if "text" in found:
        found["how"] = "script"
    person = [
        nodes[name]["params"]["artifact"] for name in PERSON if "artifact" in nodes.get(name, {}).get("params", {})
    ]
    if person and (profile := profile_of(person)):
        # As the profile and not as its portrait: with it comes the consent.
        found = {name: value for name, value in found.items() if name not in ("photo", "look")}
        found |= {"who": "profile", "profile": profile.name}
    elif "photo" in found:
        found |= {"who": "photo", "photo_name": "portrait"}
    if found.get("voice", "").startswith("any:"):
        del found["voice"]  # chosen to suit the look, not by a person
    burnt = nodes.get("finish", {}).get("params", {}).get("captions") == "burn"
    return found | ({"captions": "burn"} if burnt else {})
