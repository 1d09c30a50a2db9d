"""Artifacts in an S3 bucket, named by their content as everywhere; this machine's folder keeps copies for reading.

What is put is in the bucket before its id is returned, so any machine can read it. What is read is compared with its
name: an object that was damaged is set aside, and then counts as missing, so that it can be made or uploaded again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from spinbot.errors import NotFoundError, StorageError
from spinbot.store.artifacts import is_artifact_id, missing
from spinbot.store.bucket import ATTEMPTS, Bucket
from spinbot.store.copies import Copies
from spinbot.store.prune import GRACE_S
from spinbot.store.s3_uploads import S3Uploads

SEEN_S = 300.0
"""How long it is remembered that an object is there: less than the grace before anything is pruned."""

_KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{62}")


class S3Artifacts:
    """Artifacts below `s3://bucket/prefix`. `uploads` takes files that clients send to the bucket themselves."""

    def __init__(self, url: str, copies: Copies, *, public_endpoint: str = "", attempts: int = ATTEMPTS) -> None:
        self.local = copies
        self.bucket = Bucket(url, public_endpoint=public_endpoint, attempts=attempts)
        self.uploads = S3Uploads(self.bucket, self.local)
        self._seen: dict[str, float] = {}

    def put_bytes(self, data: bytes) -> str:
        """Store `data` and return its id. Raises `StorageError`."""
        return self._send(self.local.put_bytes(data))

    def put_file(self, source: Path) -> str:
        """Store a copy of the file at `source` and return its id. Raises `StorageError`."""
        return self._send(self.local.put_file(source))

    def path(self, artifact: str) -> Path:
        """Where the bytes can be read on this machine; never to be written to.

        Raises `NotFoundError`; `StorageError` with the code `damaged_artifact` where they are not what was put.
        """
        if artifact not in self.local:
            self._fetch(artifact)
        return self.local.path(artifact)

    def remove(self, artifact: str, *, older_than: float) -> int:
        """Delete an artifact that was last put before `older_than` (epoch seconds) and return the bytes freed."""
        facts = self.bucket.facts(_key(artifact))
        if facts is None or facts.changed.timestamp() >= older_than:
            return 0
        self._seen.pop(artifact, None)
        self.bucket.remove(_key(artifact))
        self.local.remove(artifact, older_than=time.time())
        return facts.bytes

    def stored(self) -> Iterator[tuple[str, int, float]]:
        """Every artifact with its size in bytes and the time it was last put, in no order."""
        for key, facts in self.bucket.all():
            if _KEY.fullmatch(key):
                yield f"sha256:{key.replace('/', '')}", facts.bytes, facts.changed.timestamp()

    def clear_temporary(self, *, older_than: float, dry_run: bool) -> int:
        """Delete what was left half written before `older_than`, here and in the bucket; returns how many files."""
        here = self.local.clear_temporary(older_than=older_than, dry_run=dry_run)
        return here + self.uploads.clear(older_than=older_than, dry_run=dry_run)

    def presigned_get(self, artifact: str, filename: str, mime: str, seconds: int) -> str:
        """A URL from which anyone may download the artifact for `seconds`, under this name. Raises `NotFoundError`."""
        if artifact not in self:
            raise missing(artifact)
        answer = {"ResponseContentType": mime, "ResponseContentDisposition": attachment(filename)}
        return self.bucket.signed("get_object", seconds, **self.bucket.place(_key(artifact)), **answer)

    def __contains__(self, artifact: object) -> bool:
        if not is_artifact_id(artifact):
            return False
        now = time.monotonic()
        if self._seen.get(artifact, 0.0) > now:
            return True
        if self.bucket.facts(_key(artifact)) is None:
            return False
        self._seen[artifact] = now + SEEN_S
        return True

    def _send(self, artifact: str) -> str:
        here, key = self.local.path(artifact), _key(artifact)
        facts = self.bucket.facts(key)
        if facts is None or facts.bytes != here.stat().st_size:
            self.bucket.write(key, here)
        elif facts.changed.timestamp() < time.time() - GRACE_S / 2:
            self.bucket.copy(key, key)  # onto itself: from now on it counts as put just now, and is not pruned
        self._seen[artifact] = time.monotonic() + SEEN_S
        return artifact

    def _fetch(self, artifact: str) -> None:
        if not is_artifact_id(artifact):
            raise missing(artifact)
        try:
            with self.local.incoming() as file:
                _, digest = self.bucket.read(_key(artifact), file)
                if f"sha256:{digest}" != artifact:
                    raise self._damaged(artifact, digest)
        except NotFoundError as error:
            self._seen.pop(artifact, None)
            raise missing(artifact) from error

    def _damaged(self, artifact: str, digest: str) -> StorageError:
        self._seen.pop(artifact, None)
        aside = f"damaged/{artifact.removeprefix('sha256:')}"
        self.bucket.copy(_key(artifact), aside)
        self.bucket.remove(_key(artifact))
        return StorageError(
            f"artifact {artifact} is damaged: its bytes in {self.bucket.url} are now sha256:{digest}",
            hint=f"it was moved to {aside} there; upload the file again, or run the job that made it once more",
            code="damaged_artifact",
        )


def attachment(filename: str) -> str:
    """The header Content-Disposition that makes browsers save a file under this name (RFC 6266)."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_" for letter in filename
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


def _key(artifact: str) -> str:
    digest = artifact.removeprefix("sha256:")
    return f"{digest[:2]}/{digest[2:]}"
