"""Commands that steer documents in work: pause, resume, cancel, retry, reprocess."""

from __future__ import annotations

from typing import Annotated

import typer

from docmill.cli.connection import connect
from docmill.cli.documents import UNFINISHED, for_each

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
    documents: Documents = None,
    other_model: Annotated[
        bool, typer.Option("--other-model", help="All with vectors of another model than the one in use.")
    ] = False,
    dataset: Annotated[str | None, typer.Option(help="Only those of this dataset.")] = None,
) -> None:
    """Process documents again; what is published stays until then."""
    if bool(documents) == other_model or (dataset and not other_model):
        raise typer.BadParameter("name documents, or say --other-model, with or without --dataset")
    if other_model:
        with connect() as client:
            found = client.documents(dataset=dataset, dense="false")
            documents = [each["id"] for each in found if each["task_status"] not in UNFINISHED]
        typer.echo(f"{len(documents):,} with vectors of another model")
    for_each(documents or [], lambda client, each: client.steer(each, "reprocess"), "processing again")


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
