"""What the parts of the service in memory share: its files, its jobs, its people, and who asks."""

from __future__ import annotations

import hashlib
from typing import Any

from spinbot.client import JobSummary, Me, Upload
from spinbot.errors import InputError, NotFoundError
from spinbot.store.profiles import Profile
from tests.fake_jobs import FakeRunner, Kept


class Base:
    """`visitor` is who asks; what a key without a scope may not do is refused."""

    def __init__(self, url: str = "http://127.0.0.1:8000", visitor: Me | None = None) -> None:
        self.url = url
        self.visitor = visitor or Me(name="local", scopes=["read", "write", "admin"], keys_required=False)
        self.files: dict[str, bytes] = {}
        """By artifact, uploads and what jobs have made."""
        self._uploads: dict[str, Upload] = {}
        self._jobs: dict[str, Kept] = {}
        self._profiles: dict[str, Profile] = {}
        self.runner = FakeRunner(self._jobs, self._keep, self._trained)

    def submit(self, **asked: Any) -> JobSummary:
        raise NotImplementedError

    def _keep(self, content: bytes) -> str:
        artifact = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.files[artifact] = content
        return artifact

    def _file(self, artifact: str) -> bytes:
        if artifact not in self.files:
            hint = "outputs of jobs and uploads name theirs"
            raise NotFoundError(f"there is no artifact {artifact[:100]!r}", hint=hint, code="no_artifact")
        return self.files[artifact]

    def _forget(self, artifacts: set[str]) -> None:
        for artifact in artifacts:
            self.files.pop(artifact, None)
            self._uploads.pop(artifact, None)

    def _own(self, artifact: str, *kinds: str) -> Upload:
        """An upload of such a kind."""
        if artifact not in self._uploads:
            hint = "upload the file first, and use the id in the answer"
            raise NotFoundError(f"there is no upload {artifact!r}", hint=hint, code="no_upload")
        upload = self._uploads[artifact]
        if upload.kind not in kinds:
            hint = f"give {' or '.join(kinds)}"
            raise InputError(f"{upload.name} is {upload.kind}", hint=hint, code="unsupported_file")
        return upload

    def _may(self, scope: str) -> None:
        if scope not in self.visitor.scopes:
            hint = f"make one with: spinbot keys create NAME --scope {scope}"
            message = f"the key {self.visitor.name!r} does not have the scope {scope}"
            raise InputError(message, hint=hint, code="missing_scope")

    def _trained(self, kept: Kept) -> None:
        raise NotImplementedError
