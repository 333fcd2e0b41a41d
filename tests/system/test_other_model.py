"""Another model takes over: what is there is found by its words, and everybody can learn that and mend it."""

from __future__ import annotations

from pathlib import Path

from tests.model_servers import serving_model
from tests.serving import Served, serving

from docmill.domain.findings import Cause
from docmill.local.doctor import examine

RULES = b"# Ferry rules\n\nThe ferry does not sail when the river stands above 3.2 metres.\n"


def names(served: Served, dense: str) -> list[str]:
    """The documents that are, or are not, found by meaning."""
    found = served.client.get("/api/v1/documents", params={"dense": dense}).json()["items"]
    return [each["name"] for each in found]


def others(served: Served) -> list[str]:
    """What the doctor says of documents with vectors of another model."""
    return [one.what for one in examine(served.here.settings).findings if one.cause is Cause.OTHER_MODEL]


def found(served: Served, mode: str) -> int:
    """How many passages a question finds."""
    question = {"query": "river above metres", "mode": mode}
    return len(served.client.post("/api/v1/search", json=question).json()["hits"])


def test_a_change_of_the_model_is_told_and_mended(fresh_database: str, broker: str, tmp_path: Path) -> None:
    with serving(fresh_database, broker, tmp_path) as served:
        served.here.start("worker")
        served.publish("rules.md", RULES, dataset="ferry")
        assert (names(served, "true"), names(served, "false"), others(served)) == (["rules.md"], [], [])

    with serving_model() as model, serving(fresh_database, broker, tmp_path, **model.settings) as served:
        assert (found(served, "dense"), found(served, "lexical")) == (0, 1)
        assert (names(served, "true"), names(served, "false")) == ([], ["rules.md"])
        assert others(served) == ["1 document found by words only: the vectors are not of this model."]

        served.here.start("worker")
        assert served.command("reprocess", "rules.md", "--other-model").returncode == 2
        said = served.command("reprocess", "--other-model", "--dataset", "ferry").stdout
        assert said.startswith("1 with vectors of another model\nprocessing again ")
        served.here.wait_until_ended(*(row.id for row in served.here.rows("SELECT id FROM document_tasks")))

        assert (found(served, "dense"), names(served, "false"), others(served)) == (1, [], [])
