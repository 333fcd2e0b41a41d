"""The stages of the installation: held one by one, or all of them for maintenance."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Body, Path
from pydantic import BaseModel, Field

from docmill.api.dependencies import Storable, UseCases
from docmill.api.models import TIME, example, example_of
from docmill.api.problems import problems
from docmill.domain.states import StageName
from docmill.services.holds import StagesState, StageState

router = APIRouter(prefix="/admin", tags=["admin"])


class HoldRequest(BaseModel):
    """Why work is held."""

    model_config = example(reason="The model server is being moved.")

    reason: Storable = Field("", max_length=500, description="Shown to whoever waits.")


class StageView(BaseModel):
    """A stage and what goes on in it."""

    model_config = example(
        stage="embed",
        queue="embed",
        held=True,
        since=TIME,
        reason="The model server is being moved.",
        queued=120,
        running=0,
    )

    stage: StageName
    queue: str
    held: bool = Field(description="Whether it takes no work, held by itself or by a drain.")
    since: datetime | None = Field(description="Since when it takes no work.")
    reason: str | None = Field(description="Why it takes no work: what was said, or what a service answers.")
    until: datetime | None = Field(
        None, description="It is not held: a service it needs is away, and is asked again then."
    )
    queued: int = Field(description="Documents that wait here, of the whole installation.")
    running: int = Field(description="Documents that a worker has in hand here.")

    @classmethod
    def of(cls, state: StageState) -> StageView:
        """The view of one stage."""
        return cls(**{name: getattr(state, name) for name in cls.model_fields})


class StagesView(BaseModel):
    """Every stage, in the order documents pass them."""

    model_config = example(draining=False, running=0, items=[example_of(StageView)])

    draining: bool = Field(description="Whether every stage is held.")
    running: int = Field(description="Documents in hand now; 0 tells that a drain is complete.")
    items: list[StageView]

    @classmethod
    def of(cls, state: StagesState) -> StagesView:
        """The view of all stages."""
        return cls(
            draining=state.draining,
            running=state.running,
            items=[StageView.of(each) for each in state.stages],
        )


_Stage = Annotated[StageName, Path(description="Which stage.", examples=["embed"])]
_Why = Annotated[HoldRequest | None, Body()]


@router.get(
    "/stages", operation_id="list_stages", summary="What is held, what waits, what runs", responses=problems()
)
def list_stages(services: UseCases) -> StagesView:
    """Every stage, in the order documents pass them."""
    return StagesView.of(services.holds.state())


@router.post(
    "/stages/{stage}/hold", operation_id="hold_stage", summary="Hold a stage", responses=problems(413, 422)
)
def hold_stage(stage: _Stage, services: UseCases, why: _Why = None) -> StagesView:
    """No document enters it any more; one in work there is let go at its next step, with everything kept.

    Documents wait in front of it. Holding it twice is fine; the first reason stays.
    """
    return StagesView.of(services.holds.hold(stage, why.reason if why else ""))


@router.post(
    "/stages/{stage}/release",
    operation_id="release_stage",
    summary="End the hold of a stage",
    responses=problems(422),
)
def release_stage(stage: _Stage, services: UseCases, after: BackgroundTasks) -> StagesView:
    """What waited in front of it goes on at once, where it stood.

    A stage that rests because a service is away takes documents at once.
    """
    after.add_task(services.relay)
    return StagesView.of(services.holds.release(stage))


@router.post(
    "/drain", operation_id="drain", summary="Hold everything, for maintenance", responses=problems(413, 422)
)
def drain(services: UseCases, why: _Why = None) -> StagesView:
    """As a hold of every stage. Files are still taken in and wait; `running` 0 tells: nothing is in work."""
    return StagesView.of(services.holds.hold(None, why.reason if why else ""))


@router.post("/undrain", operation_id="undrain", summary="End the drain", responses=problems())
def undrain(services: UseCases, after: BackgroundTasks) -> StagesView:
    """Everything goes on at once, except in front of stages that are held by themselves."""
    after.add_task(services.relay)
    return StagesView.of(services.holds.release(None))
