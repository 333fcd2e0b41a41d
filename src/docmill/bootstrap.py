"""The composition root: settings in, one App out. The only place that chooses adapters."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from docmill.adapters.broker import CeleryDispatcher, is_redis
from docmill.adapters.embedders import make_embedder
from docmill.adapters.languages import detect_language, load_languages
from docmill.adapters.mirror import RedisMirror
from docmill.adapters.ocr.recognizer import RecognisingChild
from docmill.adapters.pictures.cache import DirectoryPictures
from docmill.adapters.pictures.renderer import ChildRenderer
from docmill.adapters.readers.sandbox import ReadingChild
from docmill.adapters.storage.directory import DirectoryStorage
from docmill.adapters.vectors.pgvector import PgVectorStore
from docmill.adapters.webhook_http import Outlet
from docmill.db.engine import connect
from docmill.domain.documents import Unpacking
from docmill.domain.networks import parse_networks
from docmill.domain.retries import RetryPolicy
from docmill.domain.states import Service, StageName
from docmill.pipeline.outages import Outages, Services
from docmill.pipeline.recovery import Recovery
from docmill.pipeline.runner import Runner, RunnerSettings
from docmill.ports import Children, Embedder, Reading, Recognizer, Storage, VectorStore
from docmill.services.deliveries import Courier, CourierSettings
from docmill.services.document_logs import DocumentLog
from docmill.services.intake import ORIGINALS, Intake
from docmill.services.live_state import LiveState
from docmill.services.maintenance import PICTURES
from docmill.services.monitoring import Monitoring
from docmill.services.pictures import Pictures
from docmill.services.search import Search
from docmill.settings import Settings
from docmill.sources.inside import Inside
from docmill.stages.chunk import ChunkStage
from docmill.stages.contract import Stage
from docmill.stages.embed import Embed
from docmill.stages.extract import Extract
from docmill.stages.index import Index
from docmill.stages.ocr import Ocr
from docmill.stages.revision import Revision

_TURNS_A_COPY_LASTS = 3


@dataclass(frozen=True)
class App:
    """Everything an edge (API, worker, command line) may use. Opens nothing until first use."""

    settings: Settings
    engine: Engine
    storage: Storage
    dispatcher: CeleryDispatcher
    embedder: Embedder
    vectors: VectorStore
    search: Search


def make_app(settings: Settings, *, one_plan: bool = False) -> App:
    """The adapters these settings ask for; `one_plan` as in `connect`."""
    engine = connect(settings.database, idle_seconds=settings.lease_seconds, one_plan=one_plan)
    embedder = make_embedder(settings)
    vectors = PgVectorStore(engine)
    return App(
        settings=settings,
        engine=engine,
        storage=DirectoryStorage(settings.storage_path),
        dispatcher=CeleryDispatcher(settings.broker),
        embedder=embedder,
        vectors=vectors,
        search=Search(engine, embedder, vectors),
    )


def make_reading(settings: Settings, interrupt: Callable[[], None] = lambda: None) -> Reading:
    """A reading child with the limits of these settings; what `interrupt` raises ends a reading."""
    return ReadingChild(
        timeout_seconds=settings.read_timeout_seconds,
        memory_bytes=settings.read_memory_bytes,
        recycle_documents=settings.read_recycle_documents,
        interrupt=interrupt,
        scratch_dir=settings.scratch_path,
        unpacking=Unpacking(
            levels=settings.unpack_levels,
            members=settings.unpack_members,
            member_bytes=settings.max_file_bytes,
            total_bytes=settings.unpack_bytes,
            ratio=settings.unpack_ratio,
        ),
    )


def make_intake(app: App) -> Intake:
    """What makes documents of arrivals."""
    return Intake(
        app.engine,
        app.storage,
        app.dispatcher,
        max_file_bytes=app.settings.max_file_bytes,
        run_on_bytes=app.settings.run_on_bytes,
    )


def make_children(app: App) -> Children:
    """What takes in the files that are found inside documents."""
    settings = app.settings
    return Inside(app.engine, make_intake(app), settings.storage_path / "arriving", settings.max_file_bytes)


def make_pictures(app: App) -> Pictures:
    """What shows pages; its children start with the first picture, and end when it is closed."""
    settings = app.settings
    renderer = ChildRenderer(
        settings.picture_timeout_seconds, settings.read_memory_bytes, scratch_dir=settings.scratch_path
    )
    cache = DirectoryPictures(settings.storage_path / PICTURES, settings.picture_cache_bytes)
    return Pictures(app.engine, app.storage, renderer, cache)


def make_recognizer(settings: Settings, interrupt: Callable[[], None] = lambda: None) -> Recognizer:
    """A recognising child with the limits of these settings; what `interrupt` raises ends a page."""
    return RecognisingChild(
        timeout_seconds=settings.ocr_timeout_seconds,
        memory_bytes=settings.ocr_memory_bytes,
        data_dir=settings.ocr_data_dir,
        interrupt=interrupt,
        scratch_dir=settings.scratch_path,
    )


def make_stages(app: App, reading: Reading, recognizer: Recognizer) -> dict[StageName, Stage]:
    """The stages in the order a document passes them: a new stage is one line here and one file."""
    seconds = app.settings.step_seconds
    return {
        StageName.EXTRACT: Extract(
            Revision(app.engine), app.storage, reading, detect_language, seconds, make_children(app)
        ),
        StageName.OCR: Ocr(app.engine, app.storage, recognizer, detect_language),
        StageName.CHUNK: ChunkStage(app.engine, app.embedder.tokenizer, detect_language, seconds),
        StageName.EMBED: Embed(app.engine, app.embedder, seconds),
        StageName.INDEX: Index(app.engine, app.vectors, app.embedder),
    }


def load_shared() -> None:
    """Load what a worker's processes can share, before they are forked: nothing of it holds a connection."""
    load_languages()


def make_runner(
    app: App,
    reading: Reading,
    recognizer: Recognizer,
    is_stopping: Callable[[], bool],
    aside: Runner | None = None,
) -> Runner:
    """The runner of one worker process; without `aside` it is one that runs beside another."""
    settings = app.settings
    return Runner(
        app.engine,
        make_stages(app, reading, recognizer),
        app.dispatcher,
        RunnerSettings(
            queues=frozenset(settings.worker_queues.split(",")),
            lease_seconds=settings.lease_seconds,
            turn_seconds=settings.turn_seconds,
            limits=settings.limits,
            is_aside=aside is None,
            retries=make_retries(app),
        ),
        is_stopping,
        aside,
        make_services(app),
    )


def make_services(app: App) -> Services:
    """How each service that stages need is asked whether it is there."""
    return {
        Service.MODEL: lambda: app.embedder.embed(["docmill"]),
        Service.STORE: lambda: app.storage.check(ORIGINALS),
    }


def make_outages(app: App) -> Outages:
    """What asks services that are away until they are back."""
    return Outages(app.engine, make_services(app), make_retries(app), app.settings.worker_queues.split(","))


def make_retries(app: App) -> RetryPolicy:
    """How long is waited and how often."""
    return RetryPolicy(app.settings.retry_seconds, app.settings.retry_limit)


def keep_document_logs(app: App) -> DocumentLog:
    """Keep the log lines of documents from now on, in this process and not in those it forks."""
    handler = DocumentLog(app.engine)
    logging.getLogger().addHandler(handler)
    return handler


def make_mirroring(app: App) -> Callable[[], object] | None:
    """One turn of copying the live state to Redis; None where the broker is none, or nobody wants it."""
    seconds, broker_url = app.settings.mirror_seconds, app.settings.broker
    if not seconds or not is_redis(broker_url):
        return None
    live = LiveState(app.engine, Monitoring(app.engine, app.dispatcher))
    mirror = RedisMirror(broker_url)

    def turn() -> None:
        if live.is_my_turn(seconds * 0.9):  # a turn that comes a little early counts
            mirror.write(live.facts(), seconds * _TURNS_A_COPY_LASTS)

    return turn


def make_recovery(app: App) -> Recovery:
    """Recovery over this installation."""
    return Recovery(app.engine, app.dispatcher, app.settings.crash_limit)


def make_courier(app: App, is_stopping: Callable[[], bool]) -> Courier:
    """What carries events to webhooks."""
    settings = app.settings
    return Courier(
        app.engine,
        Outlet(parse_networks(settings.webhook_allowed_networks or ""), settings.webhook_timeout_seconds),
        CourierSettings(settings.webhook_timeout_seconds, settings.webhook_failing_seconds),
        is_stopping,
    )
