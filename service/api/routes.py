"""The resources of the API, in the order in which the document lists them."""

from service.api.access_log import access_log
from service.api.alerts import alerts
from service.api.answering import answering
from service.api.assignments import assignments
from service.api.audit_trail import audit_trail
from service.api.break_glass import emergency_accesses
from service.api.calendar_feeds import calendar_feeds
from service.api.cards import cards
from service.api.check_in_rhythm import check_in_rhythm
from service.api.check_ins import check_ins
from service.api.clearance_rules import clearance_rules
from service.api.clearances import clearances
from service.api.clinical_events import clinical_events
from service.api.conflicts import conflicts
from service.api.delivery_health import delivery_health
from service.api.devices import devices
from service.api.doubles import doubles
from service.api.episodes import episodes
from service.api.exercises import exercises
from service.api.held_deliveries import held_deliveries
from service.api.holds import holds
from service.api.imports import imports
from service.api.inbound_messages import inbound_messages
from service.api.letters import letters
from service.api.limits import limits
from service.api.me import me
from service.api.merges import merges
from service.api.migrations import migrations
from service.api.milestones import milestones
from service.api.moves import moves
from service.api.observations import observations
from service.api.on_call import on_call
from service.api.outcomes import outcomes
from service.api.overview import overview
from service.api.own_protocols import own_protocols
from service.api.passkeys import passkeys
from service.api.patients import patients
from service.api.plan_sheets import plan_sheets
from service.api.plans import plans
from service.api.practice import practice
from service.api.practice_export import practice_export
from service.api.privacy import privacy
from service.api.progress import progress
from service.api.protocols import protocols
from service.api.providers import providers
from service.api.proxies import proxies
from service.api.push_addresses import push_addresses
from service.api.questionnaire_answers import questionnaire_answers
from service.api.questionnaires import questionnaires
from service.api.reminders import reminders
from service.api.saved_views import saved_views
from service.api.scores import scores
from service.api.service_accounts import service_accounts
from service.api.sign_in_provider import sign_in_provider
from service.api.sign_ins import sign_ins
from service.api.simulations import simulations
from service.api.slots import slots
from service.api.staff import staff
from service.api.staff_sign_in import staff_sign_in
from service.api.surgeries import surgeries
from service.api.tapers import tapers
from service.api.tasks import tasks
from service.api.versions import versions
from service.api.visits import visits
from service.api.work_status import work_status
from service.api.wound_photos import wound_photos
from service.sync.digest import digest
from service.sync.events import events
from service.sync.powersync import powersync
from service.sync.rxdb import rxdb
from service.sync.watermelon import watermelon

RESOURCES = (
    patients,
    assignments,
    emergency_accesses,
    episodes,
    surgeries,
    moves,
    plans,
    plan_sheets,
    progress,
    work_status,
    letters,
    calendar_feeds,
    milestones,
    clearances,
    clearance_rules,
    observations,
    clinical_events,
    limits,
    slots,
    reminders,
    check_in_rhythm,
    check_ins,
    exercises,
    questionnaires,
    questionnaire_answers,
    scores,
    tapers,
    visits,
    wound_photos,
    versions,
    access_log,
    audit_trail,
    privacy,
    holds,
    doubles,
    merges,
    alerts,
    answering,
    on_call,
    tasks,
    conflicts,
    delivery_health,
    held_deliveries,
    inbound_messages,
    protocols,
    own_protocols,
    cards,
    migrations,
    practice,
    outcomes,
    overview,
    practice_export,
    simulations,
    imports,
    sign_ins,
    devices,
    proxies,
    staff_sign_in,
    me,
    saved_views,
    passkeys,
    sign_in_provider,
    service_accounts,
    staff,
    providers,
    push_addresses,
    watermelon,
    digest,
    rxdb,
    powersync,
    events,
)
