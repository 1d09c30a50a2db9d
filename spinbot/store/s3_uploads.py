"""Files that clients send to an S3 bucket themselves: they land under `incoming/`, and are artifacts once accepted.

A client's claims about its file count for nothing: what has arrived is read, hashed and then copied to its own name,
and the copy is refused when the client has written to it meanwhile.
"""

from __future__ import annotations

import math
import re
import uuid
from dataclasses import dataclass

from spinbot.errors import InputError, NotFoundError
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.bucket import PART_BYTES, Bucket

LARGEST = 5 * 10**9
"""Bytes: S3 takes no more in one PUT."""

UNFINISHED_S = 24 * 3600.0
"""How long an upload may take before it counts as given up."""

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Parts:
    """A large upload: PUT bytes 0 to `part_bytes` to the first URL, the next ones to the second, and so on."""

    id: str
    upload: str
    """S3's own name of it."""
    part_bytes: int
    urls: list[str]


class S3Uploads:
    """Uploads of clients to one bucket. Every method raises `StorageError` when the server cannot be used."""

    def __init__(self, bucket: Bucket, local: LocalArtifacts) -> None:
        self._bucket = bucket
        self._local = local

    def presigned_put(self, size: int, seconds: int) -> tuple[str, str]:
        """The id of a new upload of `size` bytes, and the URL to PUT them to within `seconds`. Raises `InputError`."""
        _check(size)
        upload = uuid.uuid4().hex
        place = self._bucket.place(_key(upload))
        return upload, self._bucket.signed("put_object", seconds, **place, ContentLength=size)

    def begin(self, size: int, seconds: int) -> Parts:
        """Start a new upload of `size` bytes in parts, to be sent in any order. Raises `InputError`."""
        _check(size)
        upload = uuid.uuid4().hex
        place = self._bucket.place(_key(upload))
        with self._bucket.errors():
            name = self._bucket.client.create_multipart_upload(**place)["UploadId"]
        urls = [
            self._bucket.signed("upload_part", seconds, **place, UploadId=name, PartNumber=number + 1)
            for number in range(math.ceil(size / PART_BYTES))
        ]
        return Parts(upload, name, PART_BYTES, urls)

    def finish(self, upload: str, name: str) -> None:
        """Join the parts that have arrived; `accept` can then be called. Raises `NotFoundError`."""
        place = self._bucket.place(_key(upload)) | {"UploadId": name}
        client = self._bucket.client
        with self._bucket.errors():
            pages = client.get_paginator("list_parts").paginate(**place)
            parts = [
                {"PartNumber": part["PartNumber"], "ETag": part["ETag"]}
                for page in pages
                for part in page.get("Parts", ())
            ]
        if not parts:
            raise _unknown(upload)
        with self._bucket.errors():
            client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})

    def accept(self, upload: str, *, max_bytes: int = LARGEST) -> str:
        """Make an artifact of what has arrived and return its id; the file is then on this machine too.

        Raises `NotFoundError`; `InputError` for one that is larger than `max_bytes`, which is deleted, or that changes.
        """
        key = _key(upload)
        facts = self._bucket.facts(key)
        if facts is None:
            raise _unknown(upload)
        if facts.bytes > max_bytes:
            self._bucket.remove(key)
            raise _too_large(facts.bytes, max_bytes)
        with self._local.incoming() as file:
            etag, digest = self._bucket.read(key, file)
        self._bucket.copy(key, f"{digest[:2]}/{digest[2:]}", etag)
        self._bucket.remove(key)
        return f"sha256:{digest}"

    def clear(self, *, older_than: float, dry_run: bool) -> int:
        """Delete uploads that were begun a day before `older_than` (epoch seconds) and never accepted."""
        before = older_than - UNFINISHED_S
        old = [key for key, facts in self._bucket.all("incoming/") if facts.changed.timestamp() < before]
        unjoined = [entry for entry in self._bucket.unjoined() if entry["Initiated"].timestamp() < before]
        if not dry_run:
            for key in old:
                self._bucket.remove(key)
            for entry in unjoined:
                self._bucket.give_up(entry)
        return len(old) + len(unjoined)


def _check(size: int) -> None:
    if size < 1:
        raise InputError("an empty file", hint="send a picture, a recording or a video", code="empty_file")
    if size > LARGEST:
        raise _too_large(size, LARGEST)


def _too_large(size: int, most: int) -> InputError:
    return InputError(f"a file of {size} bytes", hint=f"files may have up to {most} bytes", code="too_large")


def _key(upload: str) -> str:
    if not _ID.fullmatch(upload):
        raise _unknown(upload)
    return f"incoming/{upload}"


def _unknown(upload: str) -> NotFoundError:
    return NotFoundError(
        f"there is no upload {upload!r}", hint="send the file first, then say that it is complete", code="no_upload"
    )
