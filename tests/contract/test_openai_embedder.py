"""A model behind an OpenAI-compatible server: what is asked, and what each of its answers means."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from tests.model_servers import (
    BUSY,
    KEY,
    MODEL,
    NO_QUOTA,
    ModelServer,
    error,
    hang_up,
    hanging,
    saying,
    serving_model,
)

from docmill.adapters.embedders import make_embedder
from docmill.domain.errors import (
    DocmillError,
    ModelBusy,
    ModelUnavailable,
    ModelUnfit,
    NotConfigured,
    QuotaExceeded,
)
from docmill.local.addresses import choose_port
from docmill.ports import Embedder
from docmill.settings import load_settings

SENTENCE = "The ferry does not sail when the river stands above 3.2 metres."


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving_model() as running:
        yield running


def embedder(server: ModelServer, **settings: Any) -> Embedder:
    return make_embedder(load_settings(home=Path("/nowhere"), **{**server.settings, **settings}))


def test_the_request_is_what_the_api_describes(server: ModelServer) -> None:
    embedder(server).embed(["One text.", "Another."])
    assert server.asked == [
        {"model": MODEL, "input": ["One text.", "Another."], "encoding_format": "float"},
    ]


def test_texts_are_sent_in_batches_over_one_connection(server: ModelServer) -> None:
    texts = [f"Text {number}." for number in range(70)]
    embedder(server, embed_batch=32).embed(texts)
    assert [len(body["input"]) for body in server.asked] == [32, 32, 6]
    assert server.texts() == texts


def test_a_length_that_is_set_is_asked_for_and_makes_another_model(server: ModelServer) -> None:
    short = embedder(server, embed_dimensions=64)
    assert short.embed([SENTENCE]).vectors.shape == (1, 64)
    assert (server.asked[0]["dimensions"], short.dimensions, short.model) == (64, 64, f"{MODEL}@64")
    assert np.linalg.norm(short.embed([SENTENCE]).vectors) == pytest.approx(1)


def test_a_length_that_is_not_set_is_the_models_own(server: ModelServer) -> None:
    assert embedder(server).dimensions == server.embedder.dimensions


def test_a_model_that_ignores_the_wanted_length_is_told_of(server: ModelServer) -> None:
    server.usual = saying(200, {"data": [{"index": 0, "embedding": [0.6, 0.8]}]})
    with pytest.raises(ModelUnfit, match="vectors of 2 numbers, not of 64"):
        embedder(server, embed_dimensions=64).embed(["One."])


def test_a_text_beyond_the_limit_is_cut_and_counted(server: ModelServer) -> None:
    model = embedder(server, embed_max_tokens=34)
    embedded = model.embed(["word " * 40, "short"])
    assert embedded.truncated == 8
    assert server.texts() == ["word " * 32, "short"]


def test_a_text_the_server_finds_too_long_is_cut_further(server: ModelServer) -> None:
    server.most_words = 100
    embedded = embedder(server).embed(["fine", "word " * 320])
    assert server.texts()[-1] == "word " * 80
    assert embedded.truncated == 240
    assert embedded.vectors.shape[0] == 2


def test_a_server_that_takes_fewer_texts_is_sent_fewer(server: ModelServer) -> None:
    server.most_texts = 5
    texts = [f"Text {number}." for number in range(16)]
    vectors = embedder(server).embed(texts).vectors
    assert np.allclose(vectors, server.embedder.embed(texts).vectors, atol=1e-6)


PASSING = {
    "busy": (BUSY, ModelBusy, "too much to do"),
    "server error": (error(500, None), ModelUnavailable, "answers 500"),
    "overloaded": (error(503, None), ModelUnavailable, "answers 503"),
    "backend failed": (saying(424, {"message": "x", "type": "Backend"}), ModelUnavailable, "answers 424"),
    "no vectors": (saying(200, {"hello": "world"}), ModelUnavailable, "something else"),
    "not one for each": (saying(200, {"data": []}), ModelUnavailable, "something else"),
    "no number": (saying(200, {"data": [{"index": 0, "embedding": [1.0, None]}]}), ModelUnavailable, "else"),
    "not finite": (
        saying(200, {"data": [{"index": 0, "embedding": [float("nan")]}]}),
        ModelUnavailable,
        "el",
    ),
    "no direction": (saying(200, {"data": [{"index": 0, "embedding": [0.0, 0.0]}]}), ModelUnavailable, "els"),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_tried_again(server: ModelServer, name: str) -> None:
    server.usual, kind, words = PASSING[name]
    with pytest.raises(kind, match=words) as caught:
        embedder(server).embed(["One."])
    assert type(caught.value) is kind
    assert caught.value.retryable


LASTING = {
    "wrong key": (error(401, "invalid_api_key"), "DOCMILL_EMBED_KEY"),
    "not allowed": (error(403, None), "DOCMILL_EMBED_KEY"),
    "no such model": (error(404, "model_not_found"), "DOCMILL_EMBED_MODEL"),
    "no such method": (error(405, None), "DOCMILL_EMBED_URL"),
    "moved": (saying(301, {}, Location="https://elsewhere.example/v1"), "301"),
    "odd request": (error(400, None, "This model cannot do that."), "400"),
}


@pytest.mark.parametrize("name", LASTING)
def test_what_does_not_pass_says_what_to_do(server: ModelServer, name: str) -> None:
    server.usual, words = LASTING[name]
    with pytest.raises(ModelUnfit, match=words) as caught:
        embedder(server).embed(["One."])
    assert not caught.value.retryable


def test_a_server_that_refuses_every_length_is_not_asked_for_ever(server: ModelServer) -> None:
    server.usual = error(400, "context_length_exceeded")
    with pytest.raises(ModelUnfit):
        embedder(server).embed(["word " * 300])
    assert len(server.asked) < 12


@pytest.mark.parametrize("answer", [NO_QUOTA, error(402, None)])
def test_a_quota_that_is_used_up_is_asked_about_hours_later(server: ModelServer, answer: Any) -> None:
    server.usual = answer
    with pytest.raises(QuotaExceeded) as caught:
        embedder(server).embed(["One."])
    assert (caught.value.retryable, caught.value.retry_after_seconds) == (True, 3600)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "7"}, 7),
        ({"retry_after_ms": "1500"}, 1.5),
        ({"Retry_After": "soon"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_time_a_server_asks_for_is_kept(
    server: ModelServer, status: int, headers: dict[str, str], seconds: float | None
) -> None:
    server.usual = error(status, None, **headers)
    with pytest.raises(ModelUnavailable) as caught:
        embedder(server).embed(["One."])
    assert caught.value.retry_after_seconds == seconds


def test_the_time_a_server_asks_for_may_be_a_date(server: ModelServer) -> None:
    server.usual = error(503, None, Retry_After=formatdate(time() + 90, usegmt=True))
    with pytest.raises(ModelUnavailable) as caught:
        embedder(server).embed(["One."])
    assert caught.value.retry_after_seconds == pytest.approx(90, abs=3)


def test_nobody_there_is_an_error_that_passes() -> None:
    nowhere = ModelServer(choose_port(0, ""))
    with pytest.raises(ModelUnavailable):
        embedder(nowhere).embed(["One."])


def test_patience_with_an_answer_ends(server: ModelServer) -> None:
    server.usual = hanging(2)
    with pytest.raises(ModelUnavailable, match=r"within 0\.2 s"):
        embedder(server, embed_timeout_seconds=0.2).embed(["One."])


def test_a_kept_connection_that_was_closed_meanwhile_is_no_error(server: ModelServer) -> None:
    model = embedder(server)
    model.embed(["One."])
    server.answers = [hang_up]
    assert len(model.embed(["Two."]).vectors) == 1


def test_the_key_stands_in_no_error(server: ModelServer) -> None:
    model = embedder(server)
    for answer in [*(row[0] for row in PASSING.values()), *(row[0] for row in LASTING.values()), NO_QUOTA]:
        server.usual = answer
        with pytest.raises(DocmillError) as caught:
            model.embed(["One."])
        told = "".join(traceback.format_exception(caught.value))
        assert KEY[:12] not in told
    assert KEY[:12] not in repr(vars(model)["_endpoint"])


def test_both_the_server_and_the_model_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="DOCMILL_EMBED_MODEL"):
        make_embedder(load_settings(home=tmp_path, embedder="openai", embed_url="http://127.0.0.1:1/v1"))


@pytest.mark.parametrize(
    "setting",
    [
        {"embed_url": "ftp://127.0.0.1/v1"},
        {"embed_url": "https://user:secret@api.example/v1"},
        {"embed_url": "https://api.example/v1?key=secret"},
        {"embed_key": "sk-with a\nline"},
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_without_being_told(
    setting: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(ValidationError) as caught:
        load_settings(home=tmp_path, **setting)
    assert "secret" not in str(caught.value.errors(include_input=False)[0]["msg"])
