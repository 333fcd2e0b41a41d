"""Keys: nothing but the health checks answers without one, and a key is never kept where it may be read."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import text
from tests.servers import Databases
from tests.serving import KEY, Served, problem, serving

from docmill.services.access import Access, first_key, hash_key
from docmill.settings import load_settings

EVERY_ADDRESS = [
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/docs/assets/swagger-ui.css"),
    ("GET", "/openapi.json"),
    ("GET", "/no/such/address"),
    ("GET", "/api/v1/documents"),
    ("POST", "/api/v1/documents"),
    ("DELETE", "/api/v1/documents/x"),
    ("GET", "/api/v1/documents/x/file"),
    ("POST", "/api/v1/search"),
    ("GET", "/api/v1/formats"),
    ("GET", "/api/v1/datasets"),
    ("GET", "/health/live/x"),
    ("GET", "/health"),
]


@pytest.fixture(scope="module")
def served(
    databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    with (
        databases.fresh() as url,
        serving(url, broker_url, tmp_path_factory.mktemp("access")) as running,
    ):
        yield running


@pytest.fixture
def stranger(served: Served) -> Iterator[httpx.Client]:
    """A client without a key."""
    with httpx.Client(base_url=served.url) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), EVERY_ADDRESS)
def test_nothing_answers_without_a_key(stranger: httpx.Client, method: str, path: str) -> None:
    answer = stranger.request(method, path)

    problem(answer, 401, "not_authenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="docmill"'


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {KEY}"},
        {"X-API-Key": ""},
        {"X-API-Key": "schlüssel".encode().decode("latin-1")},
        {"Cookie": f"docmill_key={KEY}"},
    ],
)
def test_a_wrong_key_opens_nothing(stranger: httpx.Client, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    problem(stranger.get("/api/v1/formats", headers=raw), 401, "not_authenticated")


@pytest.mark.parametrize("headers", [{"Authorization": f"Bearer {KEY}"}, {"X-API-Key": KEY}])
def test_a_key_is_taken_from_either_header(stranger: httpx.Client, headers: dict[str, str]) -> None:
    assert stranger.get("/api/v1/formats", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/api/v1/health/live"])
def test_health_needs_no_key(stranger: httpx.Client, path: str) -> None:
    assert stranger.get(path).status_code == 200


def test_a_key_made_later_opens_until_it_is_revoked(served: Served, stranger: httpx.Client) -> None:
    def change(statement: str) -> None:
        with served.here.app.engine.begin() as connection:
            connection.execute(text(statement), {"hash": hash_key("dm_another")})

    key = {"X-API-Key": "dm_another"}
    change(
        "INSERT INTO api_keys (id, tenant_id, name, key_sha256) "
        "VALUES (gen_random_uuid(), 'default', 'another', :hash)"
    )
    assert stranger.get("/api/v1/formats", headers=key).status_code == 200

    change("UPDATE api_keys SET revoked_at = now() WHERE key_sha256 = :hash")
    problem(stranger.get("/api/v1/formats", headers=key), 401, "not_authenticated")


def test_the_printed_link_opens_the_docs_and_the_key_leaves_the_address(stranger: httpx.Client) -> None:
    link = stranger.get("/docs", params={"key": KEY, "theme": "dark"})
    assert link.status_code == 303
    assert link.headers["location"] == "/docs?theme=dark"
    cookie = link.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))

    page = stranger.get(link.headers["location"])  # the client keeps cookies, as a browser does
    assert page.status_code == 200
    assert KEY not in page.text
    assert "http" not in page.text.split("<link")[1].split(">")[0]  # everything comes from here
    for asset in ("/openapi.json", "/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css"):
        assert stranger.get(asset).status_code == 200

    problem(stranger.get("/api/v1/documents"), 401, "not_authenticated")  # the cookie opens the docs only


def test_a_link_with_a_wrong_key_opens_nothing(stranger: httpx.Client) -> None:
    problem(stranger.get("/docs", params={"key": "guessed"}), 401, "not_authenticated")
    problem(stranger.get("/api/v1/formats", params={"key": KEY}), 401, "not_authenticated")


def test_every_answer_carries_safe_headers(served: Served) -> None:
    for path in ("/api/v1/formats", "/docs", "/no/such/address"):
        headers = served.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_a_request_keeps_the_id_its_sender_gave_it_unless_it_is_odd(served: Served) -> None:
    kept = served.client.get("/api/v1/formats", headers={"X-Request-ID": "order-17.3"})
    assert kept.headers["x-request-id"] == "order-17.3"

    replaced = served.client.get("/api/v1/formats", headers={"X-Request-ID": "a b" * 100})
    assert len(replaced.headers["x-request-id"]) == 32


def test_the_first_key_is_the_setting_or_the_one_kept_in_the_data_directory(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("home")
    assert first_key(load_settings(home=home)) is None

    (home / "api_key").write_text("dm_kept\n")
    assert first_key(load_settings(home=home)) == "dm_kept"
    assert first_key(load_settings(home=home, api_key="dm_set")) == "dm_set"


def test_an_installation_without_a_key_lets_nobody_in(served: Served) -> None:
    assert Access(served.here.app.engine, None).tenant_at_once("") is None
