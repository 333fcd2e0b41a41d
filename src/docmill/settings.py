"""One frozen tree of settings, read from the environment and an optional `docmill.env` in the data directory.

Every field is documented in docs/reference/settings.md; a test keeps the two in step.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from docmill.cores import worker_processes
from docmill.domain.errors import InvalidSettings, NotConfigured
from docmill.domain.limits import Limits, StepLimits, parse_limits, reading_seconds
from docmill.domain.networks import parse_networks
from docmill.domain.states import MAINTENANCE_QUEUE, QUEUE_OF_STAGE, StageName

_READING_ENDS_SECONDS = 60.0  # for a reading that met its own limit to say so, before a limit of steps does
_DATABASES = frozenset({"postgresql", "postgres"})
_BROKERS = frozenset({"redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps", "pyamqp"})
_QUEUES = (*dict.fromkeys(QUEUE_OF_STAGE.values()), MAINTENANCE_QUEUE)


def default_home() -> Path:
    """Where state lives when DOCMILL_HOME is not set."""
    if os.geteuid() == 0:
        return Path("/var/lib/docmill")
    base = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return Path(base) / "docmill"


class Settings(BaseSettings):
    """All settings of one process. Environment names carry the prefix DOCMILL_."""

    model_config = SettingsConfigDict(
        env_prefix="DOCMILL_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    home: Path = Field(default_factory=default_home, description="The data directory.")
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL 15+ with pgvector; unset: started here."
    )
    broker_url: SecretStr | None = Field(None, description="Redis (or RabbitMQ) URL; unset: started here.")
    storage_dir: Path | None = Field(None, description="Where original files are kept; unset: HOME/storage.")
    model_dir: Path | None = Field(None, description="Folder with model.safetensors and tokenizer.json.")

    api_host: str = Field("127.0.0.1", description="Address the API listens on.")
    api_port: int = Field(8400, ge=0, le=65535, description="Port of the API; 0 picks a free one.")
    api_processes: int = Field(
        2, ge=1, le=8, description="Processes of the API that `docmill up` starts; they share its port."
    )
    api_url: str | None = Field(
        None, description="Where the command line finds the API; unset: the one here."
    )
    api_key: SecretStr | None = Field(None, description="Key of the API; unset: generated and kept in HOME.")
    allowed_origins: str | None = Field(
        None, description="Origins, divided by commas, whose pages may open the WebSocket; unset: its own."
    )
    database_port: int = Field(
        0, ge=0, le=65535, description="Port of the PostgreSQL started here; 0 picks one."
    )
    broker_port: int = Field(0, ge=0, le=65535, description="Port of the broker started here; 0 picks one.")
    postgres_bin: Path | None = Field(
        None, description="Folder with postgres and initdb; unset: wheel, then PATH."
    )
    redis_bin: Path | None = Field(None, description="A Redis-protocol server; unset: wheel, then PATH.")

    worker_processes: int = Field(
        default_factory=worker_processes,
        ge=1,
        le=256,
        description="Worker processes; each computes on one core.",
    )
    worker_queues: str = Field(
        "extract,ocr,text,embed,index,maintenance", description="Queues a worker serves."
    )
    worker_recycle_tasks: int = Field(
        5000, ge=1, description="Messages after which a worker process is renewed."
    )
    worker_memory_bytes: int = Field(
        1536 * 1024**2, ge=256 * 1024**2, description="Memory above which a worker process is renewed."
    )
    worker_deaf_seconds: float = Field(
        10.0, gt=0, description="Idle beside waiting messages for so long, a worker is started again."
    )

    embedder: Literal["minilm", "hashing", "openai"] = Field("minilm", description="The embedding model.")
    embed_precision: Literal["auto", "f32", "bf16", "int8"] = Field(
        "auto", description="Number format of the model; auto: the quickest one of this processor."
    )
    embed_batch: int = Field(16, ge=1, le=256, description="Most texts in a call of the model.")
    embed_url: str | None = Field(
        None, description="Base URL of an OpenAI-compatible server, as http://127.0.0.1:11434/v1."
    )
    embed_key: SecretStr | None = Field(None, description="Key of that server; unset: none is sent.")
    embed_model: str | None = Field(None, description="The model that server is asked for.")
    embed_dimensions: int | None = Field(
        None, ge=1, le=4000, description="Length of the vectors it is asked for; unset: the model's own."
    )
    embed_max_tokens: int = Field(512, ge=32, description="Longest text that model takes, in tokens.")
    embed_timeout_seconds: float = Field(30.0, gt=0, description="How long that server may take to answer.")

    lease_seconds: float = Field(
        30.0, gt=0, description="How long a worker owns a task without a sign of life."
    )
    sweep_seconds: float = Field(
        2.0, gt=0, description="How often recovery looks for work that lost its way."
    )
    step_seconds: float = Field(0.7, gt=0, description="What a step of a stage aims to take.")
    turn_seconds: float = Field(
        2.0, gt=0, description="How long a worker stays with a task while something more urgent waits."
    )
    step_soft_seconds: str = Field(
        "extract=360,ocr=300,chunk=120,embed=300,index=180",
        description="Time of one step of each stage after which the document is tried again later.",
    )
    step_hard_seconds: str = Field(
        "extract=600,ocr=600,chunk=300,embed=600,index=360",
        description="Time of one step of each stage after which its worker process is ended.",
    )
    run_on_bytes: int = Field(1_000_000, ge=0, description="Files up to this size pass all stages in one go.")
    retry_seconds: float = Field(
        60.0, gt=0, description="Wait before the first retry; then twice, then four times."
    )
    retry_limit: int = Field(3, ge=0, description="Retries of a transient error before a document fails.")
    crash_limit: int = Field(2, ge=1, description="Deaths of a worker on one stage before a document fails.")

    idempotency_seconds: float = Field(
        86400.0, gt=0, description="How long the answer to a request with an Idempotency-Key is kept."
    )

    max_file_bytes: int = Field(512 * 1024 * 1024, ge=1, description="Largest file taken in.")
    read_timeout_seconds: float = Field(
        45.0, gt=0, description="Time reading one document may take, and 4 s more for each MiB of it."
    )
    read_memory_bytes: int = Field(
        896 * 1024**2,
        ge=64 * 1024**2,
        description="Memory reading one document may take, and 8 times its size besides.",
    )
    read_recycle_documents: int = Field(
        1000, ge=1, description="Documents after which the reading child is renewed."
    )

    unpack_levels: int = Field(
        5, ge=0, le=100, description="How many files may lie in one another; 0: none is taken out of others."
    )
    unpack_members: int = Field(1000, ge=1, description="Files that are taken out of one file at most.")
    unpack_bytes: int = Field(
        2 * 1024**3, ge=1024**2, description="What one file may unpack to; a larger one is refused."
    )
    unpack_ratio: int = Field(
        100, ge=2, description="How many times its size a file may unpack to, once that is above 16 MiB."
    )

    picture_timeout_seconds: float = Field(30.0, gt=0, description="Longest time drawing one page may take.")
    picture_cache_bytes: int = Field(
        512 * 1024**2, ge=0, description="How much of the disk pictures of pages may take."
    )
    ocr_timeout_seconds: float = Field(60.0, gt=0, description="Longest time recognising one page may take.")
    ocr_memory_bytes: int = Field(
        1024**3, ge=256 * 1024**2, description="Memory limit of the child that recognises pages."
    )
    ocr_data_dir: Path | None = Field(
        None, description="Folder with further language data for Tesseract (*.traineddata)."
    )

    webhook_timeout_seconds: float = Field(
        15.0, gt=0, description="How long the receiver of a webhook may take to answer."
    )
    webhook_failing_seconds: float = Field(
        432000.0, gt=0, description="A webhook that has only failed for so long is switched off."
    )
    webhook_keep_seconds: float = Field(
        2592000.0, gt=0, description="How long the deliveries of webhooks are kept."
    )
    webhook_allowed_networks: str | None = Field(
        None, description="Networks webhooks may call though they are not public, as 10.0.0.0/8,fd00::/8."
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that is logged."
    )
    log_format: Literal["json", "text"] = Field(
        "json", description="One JSON object a line, or text for people."
    )
    mirror_seconds: float = Field(
        5.0, ge=0, description="How often live state is copied to Redis for monitors; 0: never."
    )
    document_log_days: int = Field(
        30, ge=1, le=3650, description="Days for which the log lines of a document are kept."
    )

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _is_database(value.get_secret_value()):
            raise ValueError("is not a URL like postgresql://user:password@host:5432/name")
        return value

    @field_validator("broker_url")
    @classmethod
    def _check_broker(cls, value: SecretStr | None) -> SecretStr | None:
        # Several URLs, divided by semicolons, are servers to turn to one after another.
        if value is not None and not all(map(_is_broker, value.get_secret_value().split(";"))):
            raise ValueError(
                "is not a URL like redis://:password@host:6379/0 or amqp://user:password@host:5672//, "
                "with what is special in the password percent-encoded"
            )
        return value

    @field_validator("embed_url")
    @classmethod
    def _check_embed_url(cls, value: str | None) -> str | None:
        if value is not None and not _is_base_url(value):
            raise ValueError("is not a URL like https://api.openai.com/v1, without a key or a password in it")
        return value

    @field_validator("embed_key")
    @classmethod
    def _check_embed_key(cls, value: SecretStr | None) -> SecretStr | None:
        key = value.get_secret_value() if value else ""
        if not (key.isascii() and key.isprintable()):
            raise ValueError("holds a character that no key has")
        return value

    @field_validator("worker_queues")
    @classmethod
    def _check_queues(cls, value: str) -> str:
        queues = [queue.strip() for queue in value.split(",")]
        if not set(queues) <= set(_QUEUES):
            raise ValueError(f"names a queue that is none of {', '.join(_QUEUES)}")
        return ",".join(queues)

    @field_validator("webhook_allowed_networks")
    @classmethod
    def _check_networks(cls, value: str | None) -> str | None:
        parse_networks(value or "")
        return value

    @field_validator("step_soft_seconds", "step_hard_seconds")
    @classmethod
    def _check_limits(cls, value: str) -> str:
        try:
            parse_limits(value)
        except ValueError as error:
            raise ValueError("is not a table like extract=360,ocr=300,chunk=120, in seconds") from error
        return value

    @property
    def limits(self) -> StepLimits:
        """How long one step of each stage may take; a reading always has the time that is its own limit."""
        soft, hard = parse_limits(self.step_soft_seconds), parse_limits(self.step_hard_seconds)
        longest = reading_seconds(self.read_timeout_seconds, self.max_file_bytes)
        least = longest + _READING_ENDS_SECONDS
        return StepLimits(_at_least(soft, least), _at_least(hard, least + _READING_ENDS_SECONDS))

    @property
    def database(self) -> str:
        """The database's URL. Raises NotConfigured where neither a setting nor `docmill up` names one."""
        return _needed(self.database_url, "DOCMILL_DATABASE_URL")

    @property
    def broker(self) -> str:
        """The broker's URL. Raises NotConfigured where neither a setting nor `docmill up` names one."""
        return _needed(self.broker_url, "DOCMILL_BROKER_URL")

    def check_api_host(self) -> None:
        """Raises InvalidSettings when no address goes by the name in DOCMILL_API_HOST."""
        try:
            socket.getaddrinfo(self.api_host, None)
        except (socket.gaierror, UnicodeError):
            raise InvalidSettings(
                "DOCMILL_API_HOST: no address goes by this name. Set it to one of this machine, as 127.0.0.1."
            ) from None

    @property
    def scratch_path(self) -> Path:
        """Where files are shown to the processes that read them; on the disk of the storage, to be linked."""
        return self.storage_path / "reading"

    @property
    def storage_path(self) -> Path:
        """Where original files are kept."""
        return self.storage_dir or self.home / "storage"


def _at_least(limits: Limits, reading: float) -> Limits:
    extract = StageName.EXTRACT
    return {**limits, extract: max(limits[extract], reading)} if extract in limits else limits


def _is_database(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    # Here a password may hold any character: the server is what follows the last @.
    return scheme.partition("+")[0] in _DATABASES and _has_good_port(f"//{rest.rpartition('@')[2]}")


def _is_broker(url: str) -> bool:
    return url.partition("://")[0] in _BROKERS and _has_good_port(url)


def _is_base_url(url: str) -> bool:
    if not _has_good_port(url):
        return False
    parts = urlsplit(url)
    ends_there = not (parts.query or parts.fragment or "@" in parts.netloc)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and ends_there


def _has_good_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _needed(value: SecretStr | None, name: str) -> str:
    if value is None:
        raise NotConfigured(
            f"{name} is not set. Set it, or use `docmill up`, which starts a server of its own."
        )
    return value.get_secret_value()


def load_settings(**overrides: object) -> Settings:
    """Settings of this process: overrides, then environment, then HOME/docmill.env, then defaults."""
    home = Path(str(overrides.get("home") or os.environ.get("DOCMILL_HOME") or default_home()))
    return Settings(_env_file=home / "docmill.env", **{**overrides, "home": home.absolute()})  # type: ignore[call-arg, arg-type]
