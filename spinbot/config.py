"""Settings: the only reader of `SPINBOT_*` environment variables, built once by the command or the service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

RESTS = 15
POLITE = 10
"""Models compute on all cores: the service, the studio and a browser beside them get nine tenths of one at once."""


class HostGroup(BaseModel):
    """Model actors of one kind: the slots they serve and the hardware that each gets."""

    model_config = ConfigDict(extra="forbid")
    slots: list[str] = Field(default=[], description="Slots whose engines live here; none: media work only")
    threads: int = Field(default=0, ge=0, description="Threads of each library; 0: as many as there are cores")
    num_gpus: float = Field(default=0, ge=0, description="GPUs that Ray reserves for each; engines then use cuda")
    num_cpus: float = Field(default=0, ge=0, description="CPUs that Ray reserves for each; 0: runs anywhere")
    nice: int = Field(
        default=0,
        ge=0,
        le=19,
        description="How far other processes go first; from 15 on calls rest while others run",
    )
    resources: dict[str, float] = Field(default={}, description="Ray's custom resources that each needs")
    memory_gb: float = Field(default=6, gt=0, description="Engines beyond this are evicted, least used first")
    processes: int = Field(default=1, ge=1, le=64, description="Most processes; more start while calls wait")
    idle_s: float = Field(default=120, gt=0, description="Seconds without work after which a second process ends")

    @property
    def rests(self) -> bool:
        """Whether its calls rest while those of other groups run."""
        return self.nice >= RESTS


class ApiLimits(BaseModel):
    """What one caller of the HTTP API may ask for."""

    model_config = ConfigDict(extra="forbid")
    json_mb: float = Field(default=5, gt=0, description="Largest JSON body, in megabytes")
    upload_mb: float = Field(default=200, gt=0, description="Largest upload, in megabytes")
    body_s: float = Field(default=20, gt=0, description="Seconds after which a body must have come at 16 KB a second")
    nodes: int = Field(default=10_000, ge=1, description="Most nodes of a graph")
    rate: float = Field(default=100, gt=0, description="Requests a second of one key, or of one address without keys")
    burst: int = Field(default=400, ge=1, description="Requests that may come at once after a pause")
    events_port: int = Field(
        default=0, ge=0, le=65_520, description="First port for followers of events beside the proxy; 0: any free one"
    )


def starter_hosts() -> dict[str, HostGroup]:
    """One process per kind of work, so that the script, the voice and the picture load side by side."""
    return {
        "language": HostGroup(slots=["script"], nice=POLITE),
        "speech": HostGroup(slots=["tts", "asr"], nice=POLITE),
        "vision": HostGroup(slots=["image", "face", "talking_head", "upscale"], nice=POLITE),
        "media": HostGroup(processes=4, nice=POLITE),
        "training": HostGroup(slots=["lora_trainer", "voice_trainer", "speaker", "asr", "captioner"], nice=19),
    }


class QueueLimits(BaseModel):
    """How much runs and waits at once, and how long what has ended is kept."""

    model_config = ConfigDict(extra="forbid")
    jobs: int = Field(default=64, ge=1, description="Jobs that a runner drives at once")
    jobs_of_owner: int = Field(default=16, ge=1, description="Those of one owner")
    open_of_owner: int = Field(
        default=10_000, ge=1, description="Jobs of one owner that wait, run or are paused; the API takes no more"
    )
    keep_days: float = Field(default=0, ge=0, description="Days after which ended jobs are forgotten; 0: never")
    cache_gb: float = Field(default=0, ge=0, description="Size to which the cache is pruned once an hour; 0: never")


STARTER_ENGINES = {
    "script": "smollm2",
    "tts": "kokoro",
    "asr": "whisper-tiny.en",
    "image": "diffusers",
    "face": "mediapipe",
    "talking_head": "meshwarp",
    "upscale": "realesrgan",
    "speaker": "ge2e",
    "lora_trainer": "peft",
    "captioner": "transformers",
    "voice_trainer": "kokoro-style",
}


class Settings(BaseSettings):
    """Everything that a user may set; nested names join with `__` (`SPINBOT_HOSTS__VISION__NUM_GPUS=1`)."""

    model_config = SettingsConfigDict(env_prefix="SPINBOT_", env_nested_delimiter="__", extra="forbid")

    home: Path = Field(default=Path("~/.spinbot"), description="Models, artifacts and the job database live here")
    database_url: str = Field(default="", description="SQLAlchemy URL of the job store; empty: SQLite in `home`")
    artifacts_url: str = Field(
        default="", description="Where artifacts are kept, s3://bucket/prefix; empty: in `home`. AWS_* names the server"
    )
    s3_public_endpoint: str = Field(
        default="", description="URL at which clients reach the S3 server; empty: the same as this program does"
    )
    copies_gb: float = Field(
        default=20, gt=0, description="Size of this machine's copies of artifacts in a bucket or on another machine"
    )
    image_model: Path | None = Field(
        default=None,
        description="Folder of a text-to-image model in diffusers' layout, in place of the starter's",
    )
    caption_model: Path | None = Field(
        default=None,
        description="Folder of an image-to-text model that transformers loads (BLIP, GIT, ...): it writes captions",
    )
    engines: dict[str, str] = Field(
        default=STARTER_ENGINES, description="Which engine fills each slot; slots that are not named keep theirs"
    )
    hosts: dict[str, HostGroup] = Field(
        default_factory=starter_hosts,
        description="Model actors by name; what is not said of a starter group stays, null removes it",
    )
    plugins: list[str] = Field(default=[], description="Python modules with further node types and engines")
    ray_address: str = Field(default="", description="Cluster to join; empty: a private Ray in this process")

    require_keys: Literal["auto", "on", "off"] = Field(
        default="auto", description="Whether the API wants a key; auto: unless it listens on this machine only"
    )
    allowed_origins: list[str] = Field(default=[], description="Origins of web pages that may use the API")
    webhook_hosts: list[str] = Field(default=[], description="Hosts that jobs may name in webhooks; none: no webhooks")
    api: ApiLimits = Field(default=ApiLimits(), description="Limits of the HTTP API")

    grafana_url: str = Field(default="", description="Where a Grafana shows this installation; the API passes it on")

    queue: QueueLimits = Field(default=QueueLimits(), description="Limits of the job queue")

    lease_s: float = Field(default=6, gt=0, description="Seconds of silence after which a runner counts as dead")
    cancel_grace_s: float = Field(
        default=1, ge=0, description="Seconds a cancelled node has before it is ended by force"
    )

    @field_validator("engines", mode="before")
    @classmethod
    def _keep_other_engines(cls, given: dict[str, str]) -> dict[str, str]:
        return STARTER_ENGINES | given

    @field_validator("hosts", mode="before")
    @classmethod
    def _keep_other_hosts(cls, given: dict[str, Any]) -> dict[str, Any]:
        """One setting of one group is set by one variable; groups that code gives as such are all there are."""
        if any(isinstance(group, HostGroup) for group in given.values()):
            return given
        starter = {name: group.model_dump() for name, group in starter_hosts().items()}
        named = {name: None if group is None else starter.get(name, {}) | group for name, group in given.items()}
        return {name: group for name, group in (starter | named).items() if group is not None}

    @property
    def root(self) -> Path:
        """`home` with `~` and relative parts resolved."""
        return self.home.expanduser().resolve()

    @property
    def models_dir(self) -> Path:
        """Where models are installed, one folder each."""
        return self.root / "models"

    @property
    def artifacts_dir(self) -> Path:
        """Where artifacts are stored by content hash; with a bucket, copies of them."""
        return self.copies_dir if self.artifacts_url else self.root / "artifacts"

    @property
    def copies_dir(self) -> Path:
        """Where this machine keeps copies of artifacts that are stored elsewhere."""
        return self.root / "copies"

    @property
    def database(self) -> str:
        """The job store's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.root / 'spinbot.db'}"


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
