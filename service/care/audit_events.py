"""Entries of the audit trail as AuditEvent resources of FHIR R4 (hl7.org/fhir/R4/auditevent.html).

Pure: an entry in, a resource out. Ids and codes only, as in the trail: whoever may know who that is looks it up.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from models.audit import ActorKind, AuditAction

Resource = dict[str, Any]
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")  # what FHIR allows in an id; clients of ours may use more
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_ROLES = "http://terminology.hl7.org/CodeSystem/extra-security-role-type"
_PATIENT: Final[Resource] = {
    "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "1", "display": "Person"},
    "role": {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1", "display": "Patient"},
}
_TYPES: Final[Mapping[AuditAction, tuple[str, str]]] = MappingProxyType(
    {
        AuditAction.read: ("110110", "Patient Record"),
        AuditAction.write: ("110110", "Patient Record"),
        AuditAction.import_: ("110107", "Import"),
        AuditAction.send: ("110106", "Export"),
        AuditAction.token: ("110114", "User Authentication"),
        AuditAction.denied: ("110113", "Security Alert"),
    }
)
_OF_NOBODY = ("110100", "Application Activity")  # a read or write that concerns no patient
_ACTIONS: Final[Mapping[AuditAction, str]] = MappingProxyType(
    {AuditAction.read: "R", AuditAction.import_: "C", AuditAction.send: "E", AuditAction.token: "E"}
)
_METHODS: Final[Mapping[str, str]] = MappingProxyType(
    {"GET": "R", "PUT": "U", "PATCH": "U", "POST": "U", "DELETE": "D"}
)
_ACTORS: Final[Mapping[ActorKind, tuple[str | None, str]]] = MappingProxyType(
    {
        ActorKind.staff: ("Practitioner", "humanuser"),
        ActorKind.device: ("Device", "datasubject"),
        ActorKind.link: (None, "datasubject"),
        ActorKind.proxy: ("Device", "humanuser"),
        ActorKind.worker: ("Device", "dataprocessor"),
        ActorKind.command: (None, "humanuser"),
        ActorKind.service: ("Device", "dataprocessor"),
        ActorKind.provider: (None, "dataprocessor"),
    }
)


def audit_event(entry: Mapping[str, Any], patient_ids: tuple[str, ...]) -> Resource:
    """Return the resource of an entry's columns and the patients whom it names.

    Raises ValueError if its words are none of ours, as after somebody changed them.
    """
    action, actor = AuditAction(entry["action"]), ActorKind(entry["actor_kind"])
    resource = {
        "resourceType": "AuditEvent",
        "id": entry["id"],
        "type": _type_of(action, concerns_patients=bool(patient_ids)),
        "subtype": [{"system": "urn:recovery:route", "code": entry["route"]}],
        "action": _action_of(action, entry["route"], entry["status"]),
        "recorded": _instant(entry["happened_at"]),
        "outcome": _outcome_of(entry["status"]),
        "agent": [_agent(actor, entry["actor_id"])],
        "source": {"site": entry["practice_id"], "observer": _reference("Organization", entry["practice_id"])},
    }
    entities = [*_entities(entry["about"], patient_ids)]
    return resource | ({"entity": entities} if entities else {})


def _type_of(action: AuditAction, *, concerns_patients: bool) -> Resource:
    is_of_nobody = action in (AuditAction.read, AuditAction.write) and not concerns_patients
    code, display = _OF_NOBODY if is_of_nobody else _TYPES[action]
    return {"system": _DICOM, "code": code, "display": display}


def _action_of(action: AuditAction, route: str, status: int | None) -> str:
    """Return C(reate), R(ead), U(pdate), D(elete) or E(xecute)."""
    if action in _ACTIONS:
        return _ACTIONS[action]
    if action is AuditAction.write and status == 201:
        return "C"
    return _METHODS.get(route.partition(" ")[0], "U")


def _outcome_of(status: int | None) -> str:
    """Return 0 for success, 4 for what was refused, 8 for a fault of the service."""
    return "0" if status is None or status < 400 else "4" if status < 500 else "8"


def _agent(actor: ActorKind, actor_id: str | None) -> Resource:
    kind, role = _ACTORS[actor]
    who = _reference(kind, actor_id) if kind and actor_id else _identifier(actor.value, actor_id or actor.value)
    return {"type": {"coding": [{"system": _ROLES, "code": role}]}, "who": who, "requestor": True}


def _entities(about: Mapping[str, Any], patient_ids: tuple[str, ...]) -> Iterator[Resource]:
    for patient_id in sorted(patient_ids):
        yield {"what": _reference("Patient", patient_id), **_PATIENT}
    if about:
        yield {"detail": [{"type": key, "valueString": _text(value)} for key, value in sorted(about.items())]}


def _reference(kind: str, row_id: str) -> Resource:
    return {"reference": f"{kind}/{row_id}"} if _ID.fullmatch(row_id) else _identifier(kind.lower(), row_id)


def _identifier(kind: str, value: str) -> Resource:
    return {"identifier": {"system": f"urn:recovery:{kind}", "value": value}}


def _text(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
