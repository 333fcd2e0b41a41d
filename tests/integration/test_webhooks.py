"""Every event reaches its webhooks: signed, once if all is well, else until it is taken; and nowhere else."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from standardwebhooks.webhooks import WebhookVerificationError
from tests.pipelines import execute
from tests.polling import eventually
from tests.receivers import OK, Receiver, receiving, status

from docmill.adapters.webhook_http import Outlet, Resolve, look_up
from docmill.db.deliveries import Turn, claim
from docmill.db.webhooks import DeliveryRow
from docmill.domain.errors import InvalidWebhook, WebhookDisabled, WebhookNotFound
from docmill.domain.networks import parse_networks
from docmill.domain.states import EventKind
from docmill.services.deliveries import Courier, CourierSettings, remove_old_deliveries
from docmill.services.webhooks import Webhooks

HERE = parse_networks("127.0.0.0/8")
TENANT = "default"
KINDS: Sequence[EventKind] = ()


@pytest.fixture
def webhooks(engine: Engine) -> Webhooks:
    return Webhooks(engine, HERE)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def courier(
    engine: Engine,
    *,
    timeout: float = 5.0,
    failing: float = 3600.0,
    resolve: Resolve = look_up,
    allowed: str = "127.0.0.0/8",
    should_stop: Callable[[], bool] = lambda: False,
) -> Courier:
    outlet = Outlet(parse_networks(allowed), timeout, resolve)
    return Courier(engine, outlet, CourierSettings(timeout, failing), should_stop)


def happen(
    engine: Engine, kind: str = "published", dataset: UUID | None = None, tenant: str = TENANT
) -> None:
    """Something happens to some document."""
    execute(
        engine,
        """INSERT INTO document_task_events (tenant_id, dataset_id, document_id, task_id, kind, stage, data)
        VALUES (:tenant, :dataset, gen_random_uuid(), gen_random_uuid(), :kind, 'index',
          '{"owner": "a host"}')""",
        tenant=tenant,
        dataset=dataset,
        kind=kind,
    )


def send(engine: Engine, **options: Any) -> None:
    """One round, once no other transaction in this server hides what happened."""
    hidden = """SELECT count(*) FROM document_task_events
    WHERE xid >= (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"""

    def seen() -> bool:
        with engine.begin() as connection:
            return connection.execute(text(hidden)).scalar() == 0

    eventually(seen, 60)
    courier(engine, **options).run()


def pass_time(engine: Engine) -> None:
    """All that was put off is due now."""
    execute(engine, "UPDATE webhooks SET rests_until = now()")
    execute(engine, "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status = 'pending'")


def only(webhooks: Webhooks, webhook: UUID) -> DeliveryRow:
    (delivery,) = webhooks.deliveries(TENANT, webhook).items
    return delivery


def test_an_event_arrives_signed_and_once(engine: Engine, webhooks: Webhooks, receiver: Receiver) -> None:
    webhook, secret = webhooks.create(TENANT, receiver.url, KINDS, None)
    happen(engine)
    for _ in range(3):
        send(engine)

    (request,) = receiver.received
    request.verify(secret)
    with pytest.raises(WebhookVerificationError):
        request.verify("whsec_c29tZWJvZHkgZWxzZQ==")
    told = request.json
    assert told["type"] == "document.published"
    assert told["timestamp"].endswith("Z")
    assert told["data"]["stage"] == "index"
    assert told["data"]["details"] == {}  # who worked on it is nobody's business
    assert request.headers["user-agent"].startswith("docmill/")
    assert request.headers["host"] == receiver.url.split("/")[2]
    delivery = only(webhooks, webhook.id)
    assert (str(delivery.id), delivery.status, delivery.attempts) == (request.id, "delivered", 1)
    assert delivery.payload == told


def test_a_webhook_is_told_what_it_asked_for_only(
    engine: Engine, webhooks: Webhooks, receiver: Receiver
) -> None:
    ours, other = uuid4(), uuid4()
    for dataset in (ours, other):
        execute(
            engine,
            "INSERT INTO datasets (id, tenant_id, name) VALUES (:id, 'default', :name)",
            id=dataset,
            name=str(dataset),
        )
    webhooks.create(TENANT, receiver.url, [EventKind.FAILED, EventKind.PUBLISHED], ours)
    happen(engine, "published", other)
    happen(engine, "claimed", ours)
    happen(engine, "published", ours, tenant="somebody else")
    happen(engine, "published", ours)
    happen(engine, "failed", ours)
    send(engine)
    assert sorted(receiver.kinds()) == ["document.failed", "document.published"]


def test_what_is_committed_late_is_not_missed(engine: Engine, webhooks: Webhooks, receiver: Receiver) -> None:
    """An event gets its id before its transaction commits; others with higher ids may be seen before it."""
    webhooks.create(TENANT, receiver.url, KINDS, None)
    with engine.begin() as slow:
        slow.execute(
            text(
                """INSERT INTO document_task_events (tenant_id, document_id, task_id, kind)
                VALUES ('default', gen_random_uuid(), gen_random_uuid(), 'accepted')"""
            )
        )
        happen(engine, "published")
        courier(engine).run()
        assert receiver.received == []
    send(engine)
    assert sorted(receiver.kinds()) == ["document.accepted", "document.published"]


def test_what_fails_is_sent_again_under_the_same_id(
    engine: Engine, webhooks: Webhooks, receiver: Receiver
) -> None:
    receiver.answers = [
        status(500),
        status(302, Location="http://127.0.0.1:1/"),
        status(503, Retry_After="900"),
    ]
    webhook, secret = webhooks.create(TENANT, receiver.url, KINDS, None)
    happen(engine)
    errors = []
    for _ in range(3):
        send(engine)
        send(engine)  # not due yet
        errors.append(only(webhooks, webhook.id).error)
        pass_time(engine)
    assert [error and error[:24] for error in errors] == [
        "The receiver answered 50",
        "The receiver answered 30",
        "The receiver answered 50",
    ]
    failing = webhooks.get(TENANT, webhook.id)
    assert (failing.failures, failing.enabled) == (3, True)

    send(engine)
    assert len(receiver.received) == 4
    assert len(set(receiver.ids())) == 1
    receiver.received[-1].verify(secret)
    assert only(webhooks, webhook.id).status == "delivered"
    assert webhooks.get(TENANT, webhook.id).failing_since is None


def test_retry_after_is_honoured(engine: Engine, webhooks: Webhooks, receiver: Receiver) -> None:
    receiver.answers = [status(429, Retry_After="7200")]
    webhook, _ = webhooks.create(TENANT, receiver.url, KINDS, None)
    happen(engine)
    send(engine)
    delivery = only(webhooks, webhook.id)
    assert delivery.next_attempt_at is not None
    assert (delivery.next_attempt_at - delivery.created_at).total_seconds() >= 7200
    happen(engine)
    send(engine)  # the whole webhook rests
    assert len(receiver.received) == 1


def test_a_receiver_that_is_down_costs_one_attempt_at_a_time(
    engine: Engine, webhooks: Webhooks, receiver: Receiver
) -> None:
    receiver.usual = status(500)
    webhook, _ = webhooks.create(TENANT, receiver.url, KINDS, None)
    happen(engine)
    send(engine)
    for _ in range(20):
        happen(engine)
    pass_time(engine)
    send(engine)
    assert len(receiver.received) == 2

    receiver.usual = OK
    pass_time(engine)
    send(engine)
    assert [row.status for row in webhooks.deliveries(TENANT, webhook.id).items] == ["delivered"] * 21


def test_after_the_last_attempt_a_delivery_failed_and_can_be_replayed(
    engine: Engine, webhooks: Webhooks, receiver: Receiver
) -> None:
    receiver.usual = status(400)
    webhook, _ = webhooks.create(TENANT, receiver.url, KINDS, None)
    happen(engine)
    for _ in range(11):
        send(engine)
        pass_time(engine)
    failed = only(webhooks, webhook.id)
    assert (failed.status, failed.attempts, failed.response_status) == ("failed", 10, 400)

    receiver.usual = OK
    assert webhooks.replay(TENANT, webhook.id, failed.id).status == "pending"
    send(engine)
    assert only(webhooks, webhook.id).status == "delivered"
    assert len(set(receiver.ids())) == 1


def test_a_webhook_that_does_nothing_but_fail_is_switched_off_and_misses_nothing(
    engine: Engine, webhooks: Webhooks, receiver: Receiver
) -> None:
    receiver.usual = status(500)
    webhook, _ = webhooks.create(TENANT, receiver.url, KINDS, None)
    happen(engine)
    send(engine)
    execute(engine, "UPDATE webhooks SET failing_since = now() - interval '2 hours'")
    pass_time(engine)
    send(engine, failing=3600)
    off = webhooks.get(TENANT, webhook.id)
    assert off.enabled is False
    assert off.disabled_reason == "Nothing but failures for 1 h. The receiver answered 500."
    with pytest.raises(WebhookDisabled):
        webhooks.test(TENANT, webhook.id)

    receiver.usual = OK
    happen(engine, "failed")
    send(engine)
    assert len(receiver.received) == 2
    assert webhooks.enable(TENANT, webhook.id).disabled_reason is None
    send(engine)
    assert sorted(receiver.kinds()[2:]) == ["document.failed", "document.published"]


def test_who_says_gone_is_asked_no_more(engine: Engine, webhooks: Webhooks, receiver: Receiver) -> None:
    receiver.answers = [status(410)]
    webhook, _ = webhooks.create(TENANT, receiver.url, KINDS, None)
    happen(engine)
    send(engine)
    assert (
        webhooks.get(TENANT, webhook.id).disabled_reason
        == "The receiver answered 410: it wants nothing more."
    )
    assert only(webhooks, webhook.id).status == "failed"


def test_a_test_is_sent_at_once_even_while_a_webhook_rests(
    engine: Engine, webhooks: Webhooks, receiver: Receiver
) -> None:
    receiver.answers = [status(500)]
    webhook, secret = webhooks.create(TENANT, receiver.url, KINDS, None)
    happen(engine)
    send(engine)
    test = webhooks.test(TENANT, webhook.id)
    send(engine)
    assert receiver.received[-1].json["type"] == "webhook.test"
    receiver.received[-1].verify(secret)
    assert webhooks.delivery(TENANT, webhook.id, test.id).status == "delivered"


def test_after_a_rotation_both_secrets_hold_for_a_day(
    engine: Engine, webhooks: Webhooks, receiver: Receiver
) -> None:
    webhook, old = webhooks.create(TENANT, receiver.url, KINDS, None)
    _, new = webhooks.rotate(TENANT, webhook.id)
    happen(engine)
    send(engine)
    receiver.received[0].verify(old)
    receiver.received[0].verify(new)

    execute(engine, "UPDATE webhooks SET old_secret_until = now()")
    happen(engine)
    send(engine)
    receiver.received[1].verify(new)
    with pytest.raises(WebhookVerificationError):
        receiver.received[1].verify(old)


def test_a_receiver_that_hangs_or_drips_holds_up_nobody_else(
    engine: Engine, webhooks: Webhooks, receiver: Receiver
) -> None:
    over = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        while not over.wait(0.05):
            handler.wfile.write(b"H")
            handler.wfile.flush()

    with receiving(hang) as hanging, receiving(drip) as dripping:
        slow = [webhooks.create(TENANT, one.url, KINDS, None)[0].id for one in (hanging, dripping)]
        webhooks.create(TENANT, receiver.url, KINDS, None)
        for _ in range(20):
            happen(engine)
        send(engine, timeout=1.0)
        over.set()

    assert len(receiver.received) == 20
    for webhook_id in slow:
        found = webhooks.deliveries(TENANT, webhook_id).items
        assert {row.status for row in found} == {"pending"}
        assert {row.error for row in found} <= {None, "The receiver did not answer within 1 s."}


def test_an_endless_answer_is_not_read_to_its_end(
    engine: Engine, webhooks: Webhooks, receiver: Receiver
) -> None:
    def babble(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    receiver.usual = babble
    webhook, _ = webhooks.create(TENANT, receiver.url, KINDS, None)
    happen(engine)
    send(engine)
    assert only(webhooks, webhook.id).status == "delivered"


def test_nothing_is_sent_where_it_must_not_go(engine: Engine, webhooks: Webhooks, receiver: Receiver) -> None:
    """Every address of a name is looked at, and one that is not public is one too many."""
    closed = Webhooks(engine, ())
    for url in ("http://127.0.0.1:9/", "http://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest"):
        with pytest.raises(InvalidWebhook, match="DOCMILL_WEBHOOK_ALLOWED_NETWORKS"):
            closed.create(TENANT, url, KINDS, None)

    port = receiver.url.split(":")[2]
    named = [
        closed.create(TENANT, f"http://{host}:{port}", KINDS, None)[0].id
        for host in ("localhost", "127.1", "2130706433", "0x7f000001")
    ]
    happen(engine)
    send(engine, allowed="")
    send(engine, resolve=lambda host, port: ["127.0.0.1", "10.0.0.1"])
    assert receiver.received == []
    for webhook in named:
        assert "not public" in (only(webhooks, webhook).error or "")


def test_a_name_is_looked_up_once_so_it_cannot_lead_elsewhere_the_second_time(
    engine: Engine, webhooks: Webhooks, receiver: Receiver
) -> None:
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers.pop(0)

    port = receiver.url.split(":")[2].split("/")[0]
    webhook, _ = webhooks.create(TENANT, f"http://receiver.example:{port}/hook?token=t", KINDS, None)
    happen(engine)
    send(engine, resolve=rebinding)
    assert asked == ["receiver.example"]
    assert receiver.received[0].headers["host"] == f"receiver.example:{port}"
    assert receiver.received[0].path == "/hook?token=t"
    assert only(webhooks, webhook.id).status == "delivered"


def test_two_who_send_at_the_same_time_never_have_the_same_delivery(
    engine: Engine, webhooks: Webhooks, receiver: Receiver
) -> None:
    webhook, _ = webhooks.create(TENANT, receiver.url, KINDS, None)
    for _ in range(50):
        happen(engine)
    send(engine, should_stop=lambda: True)  # made, and not sent
    pass_time(engine)
    with engine.begin() as one, engine.begin() as another:
        claims = [claim(connection, webhook.id, 30, 60) for connection in (one, another)]
    assert len({delivery.id for claimed in claims for delivery in claimed}) == 50

    mine, yours = Turn(engine), Turn(engine)
    assert (mine.take(), yours.take()) == (True, False)
    mine.end()
    assert yours.take()


def test_what_a_stopped_process_had_in_hand_is_sent_again_under_the_same_id(
    engine: Engine, webhooks: Webhooks, receiver: Receiver
) -> None:
    over = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    receiver.answers = [hang]
    webhook, _ = webhooks.create(TENANT, receiver.url, KINDS, None)
    happen(engine)
    send(engine, should_stop=lambda: len(receiver.received) == 1)
    over.set()
    assert only(webhooks, webhook.id).status == "pending"
    send(engine)  # it may still be in somebody's hands
    assert len(receiver.received) == 1

    pass_time(engine)
    send(engine)
    assert len(receiver.received) == 2
    assert len(set(receiver.ids())) == 1
    assert only(webhooks, webhook.id).status == "delivered"


def test_deliveries_are_listed_newest_first_and_go_after_a_while(
    engine: Engine, webhooks: Webhooks, receiver: Receiver
) -> None:
    webhook, _ = webhooks.create(TENANT, receiver.url, KINDS, None)
    for _ in range(5):
        happen(engine)
    send(engine)
    first = webhooks.deliveries(TENANT, webhook.id, limit=3)
    rest = webhooks.deliveries(TENANT, webhook.id, limit=3, cursor=first.next_cursor)
    ids = [row.event_id for row in (*first.items, *rest.items)]
    assert ids == sorted(ids, key=lambda event: event or 0, reverse=True)
    assert rest.next_cursor is None

    assert remove_old_deliveries(engine, 3600) == 0
    execute(engine, "UPDATE webhook_deliveries SET created_at = now() - interval '2 hours'")
    assert remove_old_deliveries(engine, 3600) == 5


def test_a_webhook_belongs_to_its_tenant(webhooks: Webhooks) -> None:
    webhook, _ = webhooks.create(TENANT, "https://example.com/", KINDS, None)
    reach: list[Any] = [
        webhooks.get, webhooks.delete, webhooks.rotate, webhooks.enable, webhooks.test, webhooks.deliveries,
    ]  # fmt: skip
    for attempt in reach:
        with pytest.raises(WebhookNotFound):
            attempt("somebody else", webhook.id)
    assert webhooks.page("somebody else").items == ()
    assert webhooks.get(TENANT, webhook.id).url == "https://example.com/"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for receiver.example, signed by nobody but itself, in one file."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs the program openssl to make a certificate")
    file = tmp_path / "receiver.pem"
    wanted = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=receiver"
    name = [
        "-addext",
        "subjectAltName=DNS:receiver.example",
        "-keyout",
        str(file),
        "-out",
        str(tmp_path / "c"),
    ]
    subprocess.run([program, *wanted.split(), *name], check=True, capture_output=True)
    file.write_text(file.read_text() + (tmp_path / "c").read_text())
    return file


def test_a_certificate_must_be_trusted_and_be_for_the_name_in_the_url(
    engine: Engine, webhooks: Webhooks, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes to a checked address, and yet the name is what the certificate has to show."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with receiving(tls=tls) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        ours, other = (
            webhooks.create(TENANT, f"https://{name}.example:{port}/", KINDS, None)[0].id
            for name in ("receiver", "other")
        )
        happen(engine)
        send(engine, resolve=lambda host, port: ["127.0.0.1"])
        assert receiver.received == []  # nobody trusts who signed it

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        pass_time(engine)
        send(engine, resolve=lambda host, port: ["127.0.0.1"])
    assert [request.headers["host"] for request in receiver.received] == [f"receiver.example:{port}"]
    assert only(webhooks, ours).status == "delivered"
    assert "certificate" in (only(webhooks, other).error or "")
