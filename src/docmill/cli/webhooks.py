"""`docmill webhooks …`: where events are sent, and what became of each."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Annotated

import typer

from docmill.cli.connection import connect
from docmill.cli.console import plain, print_json, printable, stdout
from docmill.domain.errors import WebhookNotFound
from docmill.domain.names import as_uuid
from docmill.domain.states import EventKind
from docmill.domain.webhooks import DeliveryStatus

if TYPE_CHECKING:
    from docmill.cli.client import Client, Json

TEST_SECONDS = 60.0
LOOK_SECONDS = 0.3

app = typer.Typer(help="Send events to addresses of your own.", no_args_is_help=True)

Webhook = Annotated[str, typer.Argument(show_default=False, metavar="ID|URL", help="Its id, or its URL.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's answer.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(show_default=False, help="Where events are sent.")],
    kind: Annotated[
        list[EventKind] | None, typer.Option(help="Only events of this kind; may be repeated.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Only events of this dataset.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send events to a URL from now on. Prints the secret that they are signed with, this once."""
    with connect() as client:
        _print_secret(client.add_webhook(url, kind or [], dataset), as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the webhooks, newest first."""
    with connect() as client:
        found = list(client.webhooks())
    if as_json:
        print_json(found)
    else:
        _print_webhooks(found)


@app.command()
def deliveries(
    webhook: Webhook,
    status: Annotated[DeliveryStatus | None, typer.Option(help="Only those.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what was sent, newest first, and what came of it."""
    with connect() as client:
        found = list(itertools.islice(client.deliveries(_id_of(client, webhook), status), limit))
    if as_json:
        print_json(found)
    else:
        _print_deliveries(found)


@app.command()
def replay(
    webhook: Webhook,
    delivery: Annotated[
        list[str] | None, typer.Argument(show_default=False, metavar="DELIVERY…", help="Ids of deliveries.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
) -> None:
    """Send deliveries again, under the same ids."""
    if bool(delivery) == failed:
        raise typer.BadParameter("name deliveries, or say --failed")
    with connect() as client:
        webhook_id = _id_of(client, webhook)
        chosen = delivery or [found["id"] for found in client.deliveries(webhook_id, DeliveryStatus.FAILED)]
        for one in chosen:
            client.replay(webhook_id, one)
    typer.echo(f"replaying {len(chosen)}")


@app.command("test")
def try_(webhook: Webhook, as_json: AsJson = False) -> None:
    """Send a test and wait for what comes of it. Exits 1 if it did not arrive."""
    with connect() as client:
        webhook_id = _id_of(client, webhook)
        now = _settled(client, webhook_id, client.steer_webhook(webhook_id, "test"))
    if as_json:
        print_json(now)
    elif now["status"] == DeliveryStatus.PENDING:
        typer.echo("not sent yet: no worker takes up maintenance. `docmill doctor` says why.")
    else:
        typer.echo(now["error"] or f"delivered: the receiver answered {now['response_status']}.")
    raise typer.Exit(0 if now["status"] == DeliveryStatus.DELIVERED else 1)


@app.command()
def enable(webhook: Webhook) -> None:
    """Switch a webhook on. What was waiting is sent, and what happened meanwhile."""
    _say("enable", "enabled", webhook)


@app.command()
def disable(webhook: Webhook) -> None:
    """Switch a webhook off. Nothing is lost: it is sent when it is switched on again."""
    _say("disable", "disabled", webhook)


@app.command()
def rotate(webhook: Webhook, as_json: AsJson = False) -> None:
    """Give a webhook a new secret; for a day deliveries are signed with the one before as well."""
    with connect() as client:
        _print_secret(client.steer_webhook(_id_of(client, webhook), "rotate"), as_json)


@app.command()
def remove(
    webhook: Webhook, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Remove a webhook with its deliveries; what is waiting is not sent."""
    if not yes:
        typer.confirm(f"Remove {webhook} for good?", abort=True, err=True)
    with connect() as client:
        client.remove_webhook(_id_of(client, webhook))
    typer.echo(f"removed {printable(webhook)}")


def _say(verb: str, done: str, webhook: str) -> None:
    with connect() as client:
        client.steer_webhook(_id_of(client, webhook), verb)
    typer.echo(f"{done} {printable(webhook)}")


def _id_of(client: Client, webhook: str) -> str:
    """The id of the webhook called so. Raises WebhookNotFound where there is none, or more than one."""
    given = as_uuid(webhook)
    if given is not None:
        return str(given)
    ids = [found["id"] for found in client.webhooks() if found["url"] == webhook]
    if len(ids) != 1:
        what = f"{len(ids)} webhooks have" if ids else "No webhook has"
        raise WebhookNotFound(f"{what} this URL. `docmill webhooks list` shows the ids.")
    return str(ids[0])


def _settled(client: Client, webhook_id: str, delivery: Json) -> Json:
    """The delivery once it was attempted, or as it is when nobody does."""
    deadline = time.monotonic() + TEST_SECONDS
    while delivery["status"] == DeliveryStatus.PENDING and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        delivery = client.delivery(webhook_id, delivery["id"])
    return delivery


def _print_secret(webhook: Json, as_json: bool) -> None:
    if as_json:
        print_json(webhook)
        return
    typer.echo(f"webhook  {webhook['id']}")
    typer.echo(f"secret   {webhook['secret']}")
    typer.echo("Keep the secret: it is not shown again.", err=True)


def _print_webhooks(found: list[Json]) -> None:
    from rich import box
    from rich.table import Table

    table = Table("id", "url", "kinds", "state", box=box.SIMPLE)
    for item in found:
        table.add_row(item["id"], plain(item["url"]), ", ".join(item["kinds"]) or "all", plain(_state(item)))
    stdout().print(table)


def _state(webhook: Json) -> str:
    if not webhook["enabled"]:
        return f"off: {webhook['disabled_reason']}"
    return f"failing since {_time(webhook['failing_since'])}" if webhook["failing_since"] else "on"


def _print_deliveries(found: list[Json]) -> None:
    from rich import box
    from rich.table import Table

    table = Table("id", "kind", "status", "attempts", "made", "next attempt", "error", box=box.SIMPLE)
    for item in found:
        facts = (item["id"], item["kind"], item["status"], str(item["attempts"]), _time(item["created_at"]))
        table.add_row(*facts, _time(item["next_attempt_at"]), plain(item["error"] or ""))
    stdout().print(table)


def _time(moment: str | None) -> str:
    return moment[:19].replace("T", " ") if moment else ""
