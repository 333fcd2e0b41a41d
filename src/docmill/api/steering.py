"""Steering: pause, resume, cancel, retry and process again, for one document or all of a dataset."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Path, Response
from pydantic import BaseModel, Field
from starlette.convertors import Convertor, register_url_convertor

from docmill.api.dependencies import DocumentId, Storable, Tenant, UseCases
from docmill.api.models import LOCATION_OF_STATUS, AcceptedView, DocumentView, StatusModel, example
from docmill.api.problems import problems
from docmill.db.control import Verb

router = APIRouter()


class _VerbInAddress(Convertor[str]):
    """Only verbs: `/documents/{id}/status` is an address that a POST finds nothing at."""

    regex = "|".join(Verb)

    def convert(self, value: str) -> str:
        """The verb itself."""
        return value

    def to_string(self, value: str) -> str:
        """The verb itself."""
        return value


register_url_convertor("verb", _VerbInAddress())

_VerbInPath = Annotated[Verb, Path(description="What to do.")]


class Steered(BaseModel):
    """What became of a dataset's documents."""

    model_config = example(moved=12)

    moved: int = Field(description="Documents that the verb changed; it had nothing to do for the others.")


class DocumentChange(BaseModel):
    """What to change of a document."""

    model_config = example(priority=9)

    priority: int = Field(ge=0, le=9, description="0 to 9, 9 first.")


@router.patch(
    "/documents/{document_id}",
    operation_id="change_document",
    tags=["documents"],
    summary="Change a document's priority",
    responses=problems(404, 413, 422),
)
def change_document(
    document_id: DocumentId, body: DocumentChange, services: UseCases, tenant: Tenant
) -> DocumentView:
    """Takes effect where it waits and for each stage to come. One that has ended keeps it for its next."""
    return DocumentView.of(services.steering.prioritize(tenant, document_id, body.priority))


@router.post(
    "/documents/{document_id}/reprocess",
    operation_id="reprocess_document",
    tags=["documents"],
    summary="Process a document again",
    status_code=202,
    responses={202: {"headers": LOCATION_OF_STATUS}, **problems(404, 409, 422)},
)
def reprocess_document(
    document_id: DocumentId, services: UseCases, tenant: Tenant, response: Response
) -> AcceptedView:
    """Read it anew under the settings its dataset has now; the published version stays until then."""
    view = AcceptedView.of(services.intake.again(tenant, document_id))
    response.headers["Location"] = view.status_url
    return view


@router.post(
    "/documents/{document_id}/{verb:verb}",
    operation_id="steer_document",
    tags=["documents"],
    summary="Pause, resume, cancel or retry a document",
    responses=problems(404, 409, 422),
)
def steer_document(
    document_id: DocumentId,
    verb: _VerbInPath,
    services: UseCases,
    tenant: Tenant,
    after: BackgroundTasks,
) -> StatusModel:
    """Takes effect at once; work in hand is let go at its next step (`settled`). Saying it twice is fine.

    A pause keeps everything done so far, and resuming repeats nothing. A cancel discards what the run wrote.
    A retry goes on where a failed document stood, and starts a cancelled one again.
    """
    document = services.steering.document(verb, tenant, document_id)
    if verb is Verb.CANCEL:
        after.add_task(services.erase_discarded)
    return StatusModel.of(document)


@router.post(
    "/datasets/{dataset}/{verb:verb}",
    operation_id="steer_dataset",
    tags=["datasets"],
    summary="Pause, resume, cancel or retry all documents of a dataset",
    responses=problems(404, 422),
)
def steer_dataset(
    dataset: Annotated[Storable, Path(description="Name or id of a dataset.")],
    verb: _VerbInPath,
    services: UseCases,
    tenant: Tenant,
    after: BackgroundTasks,
) -> Steered:
    """As for one document, for every one whose state allows it."""
    moved = services.steering.dataset(verb, tenant, services.datasets.id_of(tenant, dataset))
    if verb is Verb.CANCEL:
        after.add_task(services.erase_discarded)
    return Steered(moved=moved)
