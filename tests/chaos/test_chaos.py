"""Real processes under faults: nothing is lost, nothing is doubled, and everything ends by itself.

`make chaos` is the long form of this, with every kind of fault over hundreds of documents.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from tests.chaos import documents, schedule
from tests.chaos.faults import FAULTS, QUICK
from tests.chaos.recoveries import seconds_to_claim
from tests.chaos.rounds import run
from tests.chaos.site import running_site
from tests.chaos.truth import undisturbed
from tests.chaos.verdict import Verdict, verdict
from tests.servers import Databases, temporary_home

SEED = 20


@pytest.mark.chaos
@pytest.mark.timeout(400)
def test_faults_of_every_quick_kind_leave_no_trace(databases: Databases, broker: str, tmp_path: Path) -> None:
    """Both workers, Beat, the API, the supervisor and both servers are struck while documents arrive."""
    with temporary_home() as home, running_site(home) as site:
        faults = schedule.rounds(SEED, QUICK)
        struck = run(site, faults, documents.files(SEED), faults=len(QUICK), documents=1)
        assert seconds_to_claim(site), "no worker died with a document in hand"
    with databases.fresh() as url:
        expected = undisturbed(url, broker, tmp_path, struck.files)

    assert verdict(struck, expected) == Verdict(late=[], lost=[], doubled=[], different=[], seen_in_part=[])
    assert struck.looks > 0


def test_a_seed_draws_the_same_faults_and_the_same_files_again() -> None:
    first, again, other = (list(islice(schedule.rounds(seed, FAULTS), 40)) for seed in (7, 7, 8))
    assert first == again != other
    assert {strike.fault for each in first for strike in each.strikes} == set(FAULTS)

    files = list(islice(documents.files(7), 12))
    assert files == list(islice(documents.files(7), 12))
    assert len({file.content for file in files}) == 12
