"""Use cases: enrolled patients move to a newer protocol version, each shown first, each by itself, never by themselves.

A version takes over from the older versions of its id and from what it was copied from. Whoever stays is told why.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from models import Episode, Patient, Surgery
from models.protocols import ProtocolVersion
from models.reminder import Delivery
from schedules.plan.errors import PlanError
from schedules.plan.library import load_library, serves_levels
from schedules.plan.migration import RecordedItem, recorded_against
from schedules.plan.protocol import Protocol
from schedules.plan.replan import EpisodeDiff
from schedules.plan.vocabulary import EpisodeStatus, SurgeryStatus, VersionStatus
from schedules.planning import Answer, SurgeryChange, diff_episode, plan_episode
from schedules.planning.library import find_protocol
from schedules.planning.rows import find_all
from service.care.own_protocols import find_version
from service.care.reach import lock_row
from service.errors import ConflictError, Fault, NotFoundError, StaleMoveError
from service.identity.principal import Principal

_UNDER_CARE = (EpisodeStatus.active, EpisodeStatus.paused)
Pin = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Moving:
    """A surgery that would move, and the version that it pins now."""

    surgery: Surgery
    older: Protocol


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a migration would do to one episode. `against` names what was recorded and has no place: it stays."""

    episode: Episode
    moving: tuple[Moving, ...]
    diff: EpisodeDiff
    against: tuple[RecordedItem, ...]
    token: str


def find_target(session: Session, caller: Principal, protocol_id: str, version: int) -> Protocol:
    """Return the version to which patients may move: one that ships, or an own one that is released.

    Raises NotFoundError, ConflictError for an own one in another state.
    """
    row = find_version(session, caller.practice_id, protocol_id, version)
    if row is not None and row.status is not VersionStatus.released:
        raise ConflictError(Fault("", VersionStatus.released, row.status.value))
    try:
        return find_protocol(session, caller.practice_id, protocol_id, version)
    except PlanError:
        raise NotFoundError from None


def list_affected(session: Session, caller: Principal, target: Protocol, *, after: str, limit: int) -> list[str]:
    """Return up to `limit` ids, from the one after `after` on, of episodes under care that it concerns."""
    pins = _lineage(session, caller.practice_id, target)
    query = (
        select(Surgery.episode_id)
        .join(Episode, (Episode.practice_id == Surgery.practice_id) & (Episode.id == Surgery.episode_id))
        .join(Patient, (Patient.practice_id == Surgery.practice_id) & (Patient.id == Surgery.patient_id))
        .where(
            Surgery.practice_id == caller.practice_id,
            Surgery.episode_id > after,
            Surgery.status != SurgeryStatus.cancelled,
            tuple_(Surgery.protocol_id, Surgery.protocol_version).in_(sorted(pins)),
            Episode.status.in_(_UNDER_CARE),
            Patient.died_on.is_(None),
            *(model.deleted.is_(False) for model in (Surgery, Episode, Patient)),
        )
    )
    return list(session.scalars(query.distinct().order_by(Surgery.episode_id).limit(limit))) if pins else []


def look_ahead(session: Session, caller: Principal, target: Protocol, episode: Episode, now: datetime) -> Outlook:
    """Return what the migration would do to an episode now. Reads only.

    Raises ConflictError if none of its surgeries would move, PlanError if no plan can be made.
    """
    moving = _moving(session, caller, target, episode)
    if not moving:
        raise ConflictError(Fault("", "a surgery that this version takes over and serves", "none"))
    changes = [SurgeryChange(each.surgery.id, _pin_columns(target)) for each in moving]
    diff = diff_episode(session, episode.practice_id, episode.id, changes, now)
    against = recorded_against(diff, {each.surgery.id: (each.older, target) for each in moving})
    return Outlook(episode, moving, diff, against, _token(diff, target, moving))


def migrate_episode(
    session: Session, caller: Principal, target: Protocol, episode_id: str, *, token: str, now: datetime
) -> tuple[Outlook, dict[str, Answer]]:
    """Move an episode's surgeries to `target` as it was shown, in the session's transaction.

    Return what was done, and an answer for each reminder that was taken back. Raises NotFoundError, StaleMoveError if
    it would now do anything else than was shown, ConflictError if something recorded would lose its place.
    """
    episode = lock_row(session, caller, Episode, episode_id)
    # Held to the commit, so that no worker's send comes between what is compared and what is taken back.
    find_all(session, Delivery, episode.practice_id, lock=True, patient_id=episode.patient_id)
    outlook = look_ahead(session, caller, target, episode, now)
    if outlook.token != token:
        raise StaleMoveError(Fault("/token", "the token of a dry run from what is stored now", "one from before"))
    if outlook.against:
        raise ConflictError(*(Fault("", "a place for what was recorded", each.obstacle) for each in outlook.against))
    for each in outlook.moving:
        for name, value in _pin_columns(target).items():
            setattr(each.surgery, name, value)
    return outlook, plan_episode(session, episode.practice_id, episode.id, now)


def _pin_columns(target: Protocol) -> dict[str, str | int]:
    return {"protocol_id": target.id, "protocol_version": target.version, "protocol_digest": target.digest}


def _moving(session: Session, caller: Principal, target: Protocol, episode: Episode) -> tuple[Moving, ...]:
    if episode.status not in _UNDER_CARE:
        return ()
    pins = _lineage(session, caller.practice_id, target)
    surgeries = find_all(session, Surgery, caller.practice_id, episode_id=episode.id)
    return tuple(
        Moving(each, find_protocol(session, caller.practice_id, each.protocol_id, each.protocol_version))
        for each in surgeries
        if (each.protocol_id, each.protocol_version) in pins and _serves(target, each)
    )


def _serves(target: Protocol, surgery: Surgery) -> bool:
    if surgery.status is SurgeryStatus.cancelled or surgery.deleted:
        return False
    return (
        surgery.procedure is target.procedure
        and surgery.approach in target.approaches
        and surgery.approach_class is target.approach_class
        and serves_levels(target, len(surgery.levels))
    )


def _lineage(session: Session, practice_id: str, target: Protocol) -> frozenset[Pin]:
    """Return the versions that `target` takes over from: older ones of its id, and what each was copied from."""
    rows = session.scalars(select(ProtocolVersion).filter_by(practice_id=practice_id))
    based = {(row.protocol_id, row.version): (row.based_on_id, row.based_on_version) for row in rows}
    known: Iterable[Pin] = (*based, *((each.id, each.version) for each in load_library().protocols))
    found = {pin for pin in known if pin[0] == target.id and pin[1] < target.version}
    waiting = [*found, (target.id, target.version)]
    while waiting:
        protocol_id, version = based.get(waiting.pop(), (None, None))
        if protocol_id is not None and version is not None and (protocol_id, version) not in found:
            found.add((protocol_id, version))
            waiting.append((protocol_id, version))
    return frozenset(found - {(target.id, target.version)})


def _token(diff: EpisodeDiff, target: Protocol, moving: Iterable[Moving]) -> str:
    parts = (diff.fingerprint, target.digest, *(each.surgery.id for each in moving))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
