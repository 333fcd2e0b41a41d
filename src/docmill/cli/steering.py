"""Commands that steer documents in work: pause, resume, cancel, retry, reprocess."""

from __future__ import annotations

from typing import Annotated

import typer

from docmill.cli.connection import connect
from docmill.cli.documents import for_each

Documents = Annotated[
    list[str] | None, typer.Argument(show_default=False, metavar="ID|NAME…", help="Documents.")
]
Dataset = Annotated[str | None, typer.Option(help="All documents of this dataset that can.")]


def pause(documents: Documents = None, dataset: Dataset = None) -> None:
    """Let documents rest; everything done so far is kept."""
    _say("pause", "paused", documents, dataset)


def resume(documents: Documents = None, dataset: Dataset = None) -> None:
    """Go on with paused documents where they stood."""
    _say("resume", "resumed", documents, dataset)


def cancel(documents: Documents = None, dataset: Dataset = None) -> None:
    """End the processing of documents and discard what it wrote."""
    _say("cancel", "cancelled", documents, dataset)


def retry(documents: Documents = None, dataset: Dataset = None) -> None:
    """Go on with failed documents where they failed; start cancelled ones again."""
    _say("retry", "retrying", documents, dataset)


def reprocess(
    documents: Annotated[
        list[str], typer.Argument(show_default=False, metavar="ID|NAME…", help="Documents.")
    ],
) -> None:
    """Process documents again; what is published stays until then."""
    _say("reprocess", "processing again", documents, None)


def priority(
    level: Annotated[int, typer.Argument(min=0, max=9, show_default=False, help="0 to 9, 9 first.")],
    documents: Documents = None,
    dataset: Annotated[str | None, typer.Option(help="All that this dataset gets from now on.")] = None,
) -> None:
    """Let documents go before or after others, or all that a dataset gets from now on."""
    _check_one(documents, dataset)
    if dataset:
        with connect() as client:
            client.prioritize_dataset(dataset, level)
        typer.echo(f"priority {level} for what {dataset} gets from now on")
        return
    for_each(documents or [], lambda client, found: client.prioritize(found, level), f"priority {level} for")


def _check_one(documents: list[str] | None, dataset: str | None) -> None:
    if bool(documents) == bool(dataset):
        raise typer.BadParameter("name documents, or a dataset with --dataset")


def _say(verb: str, done: str, documents: list[str] | None, dataset: str | None) -> None:
    _check_one(documents, dataset)
    if dataset:
        with connect() as client:
            typer.echo(f"{done}: {client.steer_dataset(dataset, verb)} of {dataset}")
        return
    for_each(documents or [], lambda client, document_id: client.steer(document_id, verb), done)
