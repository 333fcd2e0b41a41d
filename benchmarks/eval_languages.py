"""How often the language of a single sentence is told, over 75 languages with 200 sentences each."""

from __future__ import annotations

from pathlib import Path

from benchmarks.figures import Figure, at_least, info

from docmill.adapters.languages import detect_language

GOAL = 0.95
SURE = 0.9


def evaluate_languages(folder: Path) -> list[Figure]:
    """The share of sentences that are told right, and of those that are told with confidence."""
    told = [
        (path.stem, detect_language(sentence))
        for path in sorted((folder / "langid" / "sentences").glob("*.txt"))
        for sentence in path.read_text(encoding="utf-8").splitlines()
    ]
    right = [answer is not None and answer[0] == language for language, answer in told]
    sure = [hit for hit, (_, answer) in zip(right, told, strict=True) if answer and answer[1] >= SURE]
    return [
        at_least("language_sentences", sum(right) / len(right), GOAL),
        info("language_sentences_told_with_confidence", len(sure) / len(right)),
        info("language_right_when_confident", sum(sure) / len(sure)),
    ]
