"""What the log of accesses says to the patient, in every language: who, what was done, with which part of the record.

An entry of the audit trail tells the template of a route. The area is that of its most special segment.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from models.audit import ActorKind, AuditAction
from models.people import StaffRole
from schedules.plan.protocol import Text


class AccessKind(StrEnum):
    """What was done."""

    read = "read"
    changed = "changed"
    imported = "imported"
    sent = "sent"
    signed_in = "signed_in"
    denied = "denied"


class Area(StrEnum):
    """A part of a patient's record."""

    record = "record"
    plan = "plan"
    surgery = "surgery"
    milestones = "milestones"
    limits = "limits"
    work = "work"
    messages = "messages"
    reports = "reports"
    tasks = "tasks"
    app = "app"
    sign_in = "sign_in"
    access_log = "access_log"


KINDS: Final[Mapping[AccessKind, Text]] = MappingProxyType(
    {
        AccessKind.read: Text(en="Read", es="Leyó"),
        AccessKind.changed: Text(en="Changed", es="Cambió"),
        AccessKind.imported: Text(en="Loaded from a file, or compared with one", es="Cargó de un archivo, o comparó"),
        AccessKind.sent: Text(en="Sent", es="Envió"),
        AccessKind.signed_in: Text(en="Signed in, or gave access", es="Inició sesión, o dio acceso"),
        AccessKind.denied: Text(en="Was refused", es="Fue rechazado"),
    }
)
AREAS: Final[Mapping[Area, Text]] = MappingProxyType(
    {
        Area.record: Text(en="Your personal data", es="Sus datos personales"),
        Area.plan: Text(en="Your recovery plan", es="Su plan de recuperación"),
        Area.surgery: Text(en="Your surgery", es="Su operación"),
        Area.milestones: Text(en="Steps of your recovery", es="Pasos de su recuperación"),
        Area.limits: Text(en="Your limits", es="Sus límites"),
        Area.work: Text(en="Your work status", es="Su situación laboral"),
        Area.messages: Text(en="Messages to and from you", es="Mensajes para usted y de usted"),
        Area.reports: Text(en="What was reported about you", es="Lo que se informó sobre usted"),
        Area.tasks: Text(en="What the clinic has to do for you", es="Lo que la clínica debe hacer por usted"),
        Area.app: Text(en="Everything that an app keeps", es="Todo lo que guarda una aplicación"),
        Area.sign_in: Text(en="Access to your data", es="El acceso a sus datos"),
        Area.access_log: Text(en="This list of accesses", es="Esta lista de accesos"),
    }
)
ACTORS: Final[Mapping[ActorKind, Text]] = MappingProxyType(
    {
        ActorKind.staff: Text(en="Your clinic", es="Su clínica"),
        ActorKind.device: Text(en="Your phone or app", es="Su teléfono o aplicación"),
        ActorKind.link: Text(en="Whoever opened a message's link", es="Quien abrió el enlace de un mensaje"),
        ActorKind.worker: Text(en="This service, by itself", es="Este servicio, por sí mismo"),
        ActorKind.command: Text(en="Whoever runs this service", es="Quien administra este servicio"),
        ActorKind.proxy: Text(en="Somebody whom you let look after you", es="Alguien a quien usted deja cuidarle"),
        ActorKind.service: Text(en="A program of your clinic", es="Un programa de su clínica"),
        ActorKind.provider: Text(en="The service that carries messages", es="El servicio que lleva los mensajes"),
    }
)
ROLES: Final[Mapping[StaffRole, Text]] = MappingProxyType(
    {
        StaffRole.clinician: Text(en="Clinician", es="Profesional de salud"),
        StaffRole.coordinator: Text(en="Coordinator", es="Coordinación"),
        StaffRole.practice_admin: Text(en="Clinic's administration", es="Administración de la clínica"),
        StaffRole.auditor: Text(en="Auditor", es="Auditoría"),
        StaffRole.operator: Text(en="Technical operation", es="Operación técnica"),
    }
)
# Of an access by somebody whose patient one usually is not.
EMERGENCY: Final = Text(
    en="Outside of their usual patients, with a reason that your clinic reviews",
    es="Fuera de sus pacientes habituales, con un motivo que su clínica revisa",
)
_SEGMENTS: Final[Mapping[str, Area]] = MappingProxyType(
    {
        "clinic": Area.plan,
        "patients": Area.record,
        "import": Area.record,
        "patient": Area.record,
        "tables": Area.record,
        "privacy": Area.record,
        "edit": Area.record,
        "doubles": Area.record,
        "likely-doubles": Area.record,
        "merges": Area.record,
        "merge": Area.record,
        "assignments": Area.sign_in,
        "emergency": Area.record,
        "emergency-accesses": Area.record,
        "retention": Area.record,
        "versions": Area.reports,
        "episodes": Area.plan,
        "plan": Area.plan,
        "progress": Area.plan,
        "migrations": Area.plan,
        "rebuild-plans": Area.plan,
        "surgeries": Area.surgery,
        "moves": Area.surgery,
        "move": Area.surgery,
        "milestones": Area.milestones,
        "clear_by_signed_rules": Area.milestones,
        "limits": Area.limits,
        "work-status": Area.work,
        "letter-releases": Area.work,
        "letters": Area.work,
        "calendar": Area.plan,
        "calendar-feed": Area.sign_in,
        "reminders": Area.messages,
        "inbound-messages": Area.messages,
        "providers": Area.messages,
        "m": Area.messages,
        "worker.send": Area.messages,
        "replan_by_zone_rules": Area.messages,
        "replan_by_rhythm": Area.messages,
        "why": Area.messages,
        "check-in": Area.reports,
        "check-ins": Area.reports,
        "exercises": Area.reports,
        "observations": Area.reports,
        "clinical-events": Area.reports,
        "questionnaire-answers": Area.reports,
        "scores": Area.reports,
        "cards": Area.plan,
        "visits": Area.plan,
        "wound-photos": Area.reports,
        "opioid-taper": Area.reports,
        "opioid-tapers": Area.reports,
        "tasks": Area.tasks,
        "alerts": Area.tasks,
        "escalate_alerts": Area.tasks,
        "raise_by_time": Area.tasks,
        "worker.call": Area.tasks,
        "worker.notice": Area.tasks,
        "held-deliveries": Area.messages,
        "held": Area.messages,
        "sync": Area.app,
        "conflicts": Area.app,
        "refused-rows": Area.app,
        "push-address": Area.sign_in,
        "enrolments": Area.sign_in,
        "enrolment": Area.sign_in,
        "devices": Area.sign_in,
        "proxies": Area.sign_in,
        "proxy": Area.sign_in,
        "end_lapsed_proxies": Area.sign_in,
        "tokens": Area.sign_in,
        "access-log": Area.access_log,
        "audit-entries": Area.access_log,
        "audit": Area.access_log,
    }
)
_DENIED = (401, 403, 404)
_KINDS: Final[Mapping[AuditAction, AccessKind]] = MappingProxyType(
    {
        AuditAction.read: AccessKind.read,
        AuditAction.write: AccessKind.changed,
        AuditAction.import_: AccessKind.imported,
        AuditAction.send: AccessKind.sent,
        AuditAction.token: AccessKind.signed_in,
        AuditAction.denied: AccessKind.denied,
    }
)


def area_of(route: str) -> Area | None:
    """Return the part of the record that a route, a command or a job is about; None if it is about no patient.

    >>> area_of("GET /api/v1/patients/{patient_id}/limits")
    <Area.limits: 'limits'>
    """
    segments = route.replace("/", " ").split()
    return next((_SEGMENTS[each] for each in reversed(segments) if each in _SEGMENTS), None)


def kind_of(action: AuditAction, status: int | None) -> AccessKind:
    """Return what was done. Whatever somebody wanted and did not get was denied."""
    return AccessKind.denied if status in _DENIED else _KINDS[action]
