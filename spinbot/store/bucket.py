"""One bucket of an S3 server: its clients, and what goes wrong there as spinbot's errors. Knows no artifact.

The server is named as the AWS tools do: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_PROFILE and so on. With an endpoint of one's own the bucket stands in the path of a URL, as
servers other than Amazon's want it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from spinbot.errors import InputError, NotFoundError, OutageError, SpinbotError, StorageError

PART_BYTES = 8 << 20
"""Larger files travel in parts of this size."""

ATTEMPTS = 8
"""How often a request is tried, over some 35 s on average: a server that is started again costs no job."""

_CHUNK = 1 << 20
_COPIED_AT_ONCE = 4 * 10**9  # S3 allows 5 GB
_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
_ABSENT = ("404", "NoSuchKey", "NotFound", "NoSuchUpload")
_CHANGED = ("412", "PreconditionFailed")


@dataclass(frozen=True)
class Facts:
    """What is known of an object without reading it."""

    bytes: int
    changed: datetime


class Bucket:
    """The objects below one prefix. Every method raises `StorageError` when the server cannot be used."""

    def __init__(self, url: str, *, public_endpoint: str = "", attempts: int = ATTEMPTS) -> None:
        found = _URL.fullmatch(url)
        if found is None:
            hint = "SPINBOT_ARTIFACTS_URL is like s3://bucket or s3://bucket/prefix"
            raise InputError(f"{url!r} is no place for artifacts", hint=hint, code="bad_artifacts_url")
        self.url = url
        self.name = found[1]
        self._prefix = f"{found[2].strip('/')}/" if found[2] and found[2].strip("/") else ""
        self.client = _client(attempts)
        self._signer = _client(attempts, public_endpoint) if public_endpoint else self.client

    def place(self, key: str) -> dict[str, str]:
        """Bucket and key of an object, as the client's methods take them; `key` is relative to the prefix."""
        return {"Bucket": self.name, "Key": self._prefix + key}

    def facts(self, key: str) -> Facts | None:
        """Size and time of an object; None where there is none."""
        try:
            with self.errors():
                answer = self.client.head_object(**self.place(key))
        except NotFoundError:
            return None
        return Facts(answer["ContentLength"], answer["LastModified"])

    def read(self, key: str, file: BinaryIO) -> tuple[str, str]:
        """Write an object to `file` and return its ETag and the sha256 of its bytes, hexadecimal.

        A connection that breaks is followed by another one, which goes on from there. Raises `NotFoundError`.
        """
        digest, etag, done = hashlib.sha256(), "", 0
        while True:
            since = {"Range": f"bytes={done}-", "IfMatch": etag} if done else {}
            before = done
            try:
                with self.errors():
                    answer = self.client.get_object(**self.place(key), **since)
                    etag, end = answer["ETag"], done + answer["ContentLength"]
                    for chunk in answer["Body"].iter_chunks(_CHUNK):
                        digest.update(chunk)
                        file.write(chunk)
                        done += len(chunk)
            except StorageError:
                if done == before:  # not even a byte: the client has tried often enough
                    raise
                continue
            if done == end:
                return etag, digest.hexdigest()

    def write(self, key: str, source: Path) -> None:
        """Store a file; in parts, side by side, when it is large. It can be seen when it is whole, not before."""
        from boto3.s3.transfer import TransferConfig

        parts = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4)
        with self.errors():
            self.client.upload_file(str(source), **self.place(key), Config=parts)

    def copy(self, source: str, target: str, etag: str = "") -> None:
        """Copy an object within the bucket; with `etag` only while it is that one. Raises `NotFoundError`."""
        from boto3.s3.transfer import TransferConfig

        how = {"MetadataDirective": "REPLACE"} | ({"CopySourceIfMatch": etag} if etag else {})
        parts = TransferConfig(multipart_threshold=_COPIED_AT_ONCE, multipart_chunksize=_COPIED_AT_ONCE // 4)
        with self.errors():
            self.client.copy(self.place(source), **self.place(target), ExtraArgs=how, Config=parts)

    def remove(self, key: str) -> None:
        """Delete an object; nothing happens where there is none."""
        with self.errors():
            self.client.delete_object(**self.place(key))

    def all(self, prefix: str = "") -> Iterator[tuple[str, Facts]]:
        """Every object below the prefix, with its key."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=self._prefix + prefix)
        with self.errors():
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(self._prefix), Facts(entry["Size"], entry["LastModified"])

    def unjoined(self) -> Iterator[dict[str, Any]]:
        """Uploads in parts that were neither joined nor given up, as S3 describes them."""
        pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.name, Prefix=self._prefix)
        with self.errors():
            for page in pages:
                yield from page.get("Uploads", ())

    def give_up(self, upload: dict[str, Any]) -> None:
        """Delete the parts of an upload of `unjoined`."""
        with suppress(NotFoundError), self.errors():
            self.client.abort_multipart_upload(Bucket=self.name, Key=upload["Key"], UploadId=upload["UploadId"])

    def signed(self, operation: str, seconds: int, **parameters: Any) -> str:
        """A URL with which anyone may do one operation for `seconds`; it names the public endpoint."""
        with self.errors():
            url: str = self._signer.generate_presigned_url(operation, Params=parameters, ExpiresIn=seconds)
        return url

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What the S3 client raises inside becomes a `NotFoundError` or a `StorageError`."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            raise self._refused(error.response) from error
        except (BotoCoreError, Boto3Error) as error:
            if isinstance(error.__context__, ClientError):  # a managed upload hides what the server said
                raise self._refused(error.__context__.response) from error
            raise self._unavailable(" ".join(str(error).split())) from error

    def _refused(self, response: dict[str, Any]) -> SpinbotError:
        code, said = response["Error"].get("Code", ""), response["Error"].get("Message", "")
        if code in _ABSENT:
            return NotFoundError(f"there is no such object in {self.url}")
        if code in _CHANGED:
            hint = "send the file again, and write to it no more when it is complete"
            return InputError("the file has changed while it was read", hint=hint, code="upload_changed")
        if code == "NoSuchBucket":
            hint = "create it, or correct SPINBOT_ARTIFACTS_URL"
            return StorageError(f"there is no bucket {self.name!r} for artifacts", hint=hint, code="no_bucket")
        return self._unavailable(f"{code} {said}".strip())

    def _unavailable(self, cause: str) -> OutageError:
        return OutageError(
            f"the artifacts at {self.url} cannot be used: {cause}",
            hint="check that the S3 server runs, AWS_ENDPOINT_URL, and the rights of AWS_ACCESS_KEY_ID",
            code="artifacts_unavailable",
        )


def _client(attempts: int, endpoint: str = "") -> Any:
    import boto3.session
    from botocore.config import Config

    session = boto3.session.Session()
    # boto3 knows AWS_DEFAULT_REGION only, the other AWS tools know both. Servers other than Amazon's take any region.
    region = os.environ.get("AWS_REGION") or session.region_name or "us-east-1"
    retries = {"mode": "standard", "total_max_attempts": attempts}
    config = Config(
        signature_version="s3v4", retries=retries, connect_timeout=5, read_timeout=30, max_pool_connections=16
    )
    return session.client("s3", region_name=region, endpoint_url=endpoint or None, config=config)
