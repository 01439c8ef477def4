"""The resources of the API, in the order in which the document lists them."""

from service.api.check_ins import check_ins
from service.api.episodes import episodes
from service.api.imports import imports
from service.api.milestones import milestones
from service.api.patients import patients
from service.api.plans import plans
from service.api.practice import practice
from service.api.protocols import protocols
from service.api.reminders import reminders
from service.api.sign_ins import sign_ins
from service.api.surgeries import surgeries
from service.api.tasks import tasks

RESOURCES = (
    patients,
    episodes,
    surgeries,
    plans,
    milestones,
    reminders,
    check_ins,
    tasks,
    protocols,
    practice,
    imports,
    sign_ins,
)
