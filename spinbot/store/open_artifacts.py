"""Which store has the artifacts: the folder of this machine, or the bucket that the settings name."""

from __future__ import annotations

from spinbot.config import Settings
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.bucket import ATTEMPTS
from spinbot.store.copies import Copies
from spinbot.store.s3 import S3Artifacts


def open_copies(settings: Settings) -> Copies:
    """This machine's copies of artifacts that are stored elsewhere."""
    return Copies(settings.copies_dir, int(settings.copies_gb * 1e9))


def open_artifacts(settings: Settings, *, attempts: int = ATTEMPTS) -> LocalArtifacts | S3Artifacts:
    """The artifacts of an installation. Raises `InputError` for a URL that is not understood.

    `attempts` is how often a request to an S3 server is tried: many where work would be lost, few where somebody waits.
    """
    if not settings.artifacts_url:
        return LocalArtifacts(settings.artifacts_dir)
    return S3Artifacts(
        settings.artifacts_url,
        open_copies(settings),
        public_endpoint=settings.s3_public_endpoint,
        attempts=attempts,
    )
