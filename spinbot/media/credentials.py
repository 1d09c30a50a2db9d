"""Content Credentials (C2PA): who made a file, with what, and that a model made it.

Written as the C2PA Technical Specification 2.2 has it: a `c2pa.created` action whose digital source type is IPTC's
`trainedAlgorithmicMedia`, bound to the bytes by hashes and signed with ES256. The signer is an identity of this
installation, under a root that it made itself; so a reader can tell whether the file was changed since, and says
that it does not know the root. No time stamp authority is asked: nothing leaves the machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinbot.disk import disk_full, whole_file
from spinbot.errors import InputError, SpinbotError
from spinbot.media.identity import Identity, ensure_identity
from spinbot.media.probe import present

__all__ = ["Credentials", "Identity", "ensure_identity", "read", "sign"]

TRAINED_ALGORITHMIC_MEDIA = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
)
"""For a real picture or recording that a model has animated or altered."""

_GENERATED = (TRAINED_ALGORITHMIC_MEDIA, COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA)
_GENERATION = "org.spinbot.generation"
_UNTRUSTED = "signingCredential.untrusted"
# No thumbnails: they would add a copy of each picture to itself. No look-ups: reading works offline.
_SETTINGS = json.dumps(
    {
        "builder": {"thumbnail": {"enabled": False}},
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    }
)


@dataclass(frozen=True)
class Credentials:
    """What a file's credentials say."""

    has_manifest: bool
    valid: bool = False
    """The signature holds and no byte has changed since."""
    ai_generated: bool = False
    issuer: str = ""
    title: str = ""
    generator: str = ""
    """Name and version of the software, as `spinbot/0.1.0`."""
    models: tuple[str, ...] = ()
    extra: dict[str, Any] | None = None
    """What else was recorded of the generation, such as seeds."""
    problems: tuple[str, ...] = ()
    """Why the file is not valid, one line each; empty when it is."""
    remarks: tuple[str, ...] = ()
    """What does not make it invalid: that the root is not on a trust list."""


def sign(
    path_in: Path,
    path_out: Path,
    identity: Identity,
    *,
    title: str,
    generator_version: str,
    models: Iterable[str],
    digital_source_type: str = TRAINED_ALGORITHMIC_MEDIA,
    extra: dict[str, Any] | None = None,
) -> None:
    """Write a copy of `path_in` (MP4, PNG, JPEG or WAV) with credentials; both paths may be the same.

    `models` are the names of the models that took part, `extra` is any further JSON, such as seeds. Raises
    `InputError` for other kinds of file and `StorageError`.
    """
    import c2pa

    present(path_in)
    kind = _kind(path_in)
    if not kind:
        raise InputError(f"{path_in.name} cannot carry Content Credentials", hint="sign an MP4, PNG, JPEG or WAV file")
    generator = {"name": "spinbot", "version": generator_version}
    created = {"action": "c2pa.created", "digitalSourceType": digital_source_type, "softwareAgent": generator}
    manifest = {
        "claim_generator_info": [generator],
        "title": title,
        "format": kind,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": _GENERATION, "data": {**(extra or {}), "models": list(models)}},
        ],
    }
    info = c2pa.C2paSignerInfo("es256", identity.certificates.encode(), identity.private_key.encode(), None)
    try:
        with (
            whole_file(path_out) as part,
            c2pa.Context.from_json(_SETTINGS) as context,
            c2pa.Builder(json.dumps(manifest), context=context) as builder,
            c2pa.Signer.from_info(info) as signer,
            path_in.open("rb") as source,
            part.open("w+b") as target,
        ):
            builder.sign(signer, kind, source, target)
    except c2pa.C2paError as error:
        if "No space left" in str(error) or "File too large" in str(error):
            raise disk_full(f"write {path_out}") from error
        raise SpinbotError(f"could not sign {path_in.name}: {error}", code="signing_failed") from error


def read(path: Path) -> Credentials:
    """What the credentials of a file say, checked against its bytes; needs no network.

    A file without any, or of a kind that carries none, has `has_manifest` False. Raises `InputError` when there
    is no such file.
    """
    import c2pa

    present(path)
    kind = _kind(path)
    if not kind:
        return Credentials(has_manifest=False)
    try:
        with (
            path.open("rb") as file,
            c2pa.Context.from_json(_SETTINGS) as context,
            c2pa.Reader(kind, file, context=context) as reader,
        ):
            store = json.loads(reader.json())
    except c2pa.C2paError.ManifestNotFound:
        return Credentials(has_manifest=False)
    except c2pa.C2paError as error:
        return Credentials(has_manifest=True, problems=(f"the credentials cannot be read: {error}",))
    return _credentials(store)


def _credentials(store: dict[str, Any]) -> Credentials:
    manifest = store["manifests"][store["active_manifest"]]
    assertions = {assertion["label"]: assertion["data"] for assertion in manifest.get("assertions", [])}
    actions = assertions.get("c2pa.actions.v2", assertions.get("c2pa.actions", {})).get("actions", [])
    generation = dict(assertions.get(_GENERATION, {}))
    generator = (manifest.get("claim_generator_info") or [{}])[0]
    found = store.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    lines = {entry["code"]: f"{entry['code']}: {entry.get('explanation', '')}".rstrip(": ") for entry in found}
    return Credentials(
        has_manifest=True,
        valid=store.get("validation_state") in ("Valid", "Trusted"),
        ai_generated=any(action.get("digitalSourceType") in _GENERATED for action in actions),
        issuer=(manifest.get("signature_info") or {}).get("issuer", ""),
        title=manifest.get("title", ""),
        generator="/".join(filter(None, (generator.get("name"), generator.get("version")))),
        models=tuple(generation.pop("models", ())),
        extra=generation,
        problems=tuple(line for code, line in lines.items() if code != _UNTRUSTED),
        remarks=tuple(line for code, line in lines.items() if code == _UNTRUSTED),
    )


def _kind(path: Path) -> str:
    """The media type by the first bytes (an artifact's name has no suffix); empty for any other."""
    with path.open("rb") as file:
        head = file.read(12)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        return "audio/wav"
    return "video/mp4" if head[4:8] == b"ftyp" else ""
