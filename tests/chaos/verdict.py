"""Holds what came of a run with faults against one without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from tests.chaos.rounds import Run
from tests.chaos.truth import End, id_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every promise that was not kept, by what was promised; all empty when all were."""

    late: list[str]
    lost: list[str]
    doubled: list[str]
    different: list[str]
    seen_in_part: list[str]

    @property
    def kept(self) -> bool:
        """Whether every promise was."""
        return not any((self.late, self.lost, self.doubled, self.different, self.seen_in_part))


def verdict(run: Run, expected: Mapping[UUID, End]) -> Verdict:
    """`expected` is how the same files end where nothing goes wrong."""
    pairs = [(file.name, expected[id_of(file)], run.ends.get(id_of(file))) for file in run.files]
    there = [(name, wanted, end) for name, wanted, end in pairs if end is not None]
    same = [(name, wanted, end) for name, wanted, end in there if end.outcome == wanted.outcome]
    return Verdict(
        late=run.late,
        lost=[
            *(f"{name} is not there" for name, _, end in pairs if end is None),
            *(
                f"{name} is {end.outcome}, not {wanted.outcome}"
                for name, wanted, end in there
                if end.outcome != wanted.outcome
            ),
        ],
        doubled=[
            *run.finished_twice,
            *(name for name, wanted, end in same if end.is_more_than(wanted)),
        ],
        different=[
            f"{name}: {len(end.chunks & wanted.chunks)} of {len(wanted.chunks)} chunks have their ids"
            for name, wanted, end in same
            if end != wanted and not end.is_more_than(wanted)
        ],
        seen_in_part=[*map(str, run.seen_in_part), *_strange(run, expected)],
    )


def _strange(run: Run, expected: Mapping[UUID, End]) -> Iterator[str]:
    """Passages that a search gave and that their document does not have in the end."""
    for document, chunk in run.found:
        if document not in expected or chunk not in expected[document].chunks:
            yield f"passage {chunk} of document {document}"
