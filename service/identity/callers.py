"""Who calls, in the words of the table of roles: staff by role, patients, proxies and programs by scope."""

from collections.abc import Mapping
from typing import Final

from models.people import StaffRole
from models.proxy import ProxyScope
from models.service_account import Scope
from service.identity.principal import PATIENT_WORD

Who = frozenset[str]
Rules = Mapping[str, Who | None]

ANYONE: Final = None
PATIENT: Final[Who] = frozenset({PATIENT_WORD})
ADMIN: Final[Who] = frozenset({StaffRole.practice_admin})
CLINICIAN: Final[Who] = frozenset({StaffRole.clinician})
COORDINATOR: Final[Who] = frozenset({StaffRole.coordinator})
AUDITOR: Final[Who] = frozenset({StaffRole.auditor})  # reads who did what; of patients nothing else
OPERATOR: Final[Who] = frozenset({StaffRole.operator})  # sees whether the service runs; of patients nothing
STAFF: Final[Who] = ADMIN | CLINICIAN | COORDINATOR
PATIENT_OR_STAFF: Final[Who] = PATIENT | STAFF
# What a patient lets a proxy do.
PROXY_PLAN: Final[Who] = frozenset({ProxyScope.read_plan})
PROXY_REPORTS: Final[Who] = frozenset({ProxyScope.report_check_ins})
PROXY_MESSAGES: Final[Who] = frozenset({ProxyScope.receive_messages})
EVERY_PROXY: Final[Who] = PROXY_PLAN | PROXY_REPORTS | PROXY_MESSAGES
EVERY_STAFF: Final[Who] = STAFF | AUDITOR | OPERATOR
# What a program of the clinic needs in its key.
PATIENTS_READ: Final[Who] = frozenset({Scope.patients_read})
PATIENTS_WRITE: Final[Who] = frozenset({Scope.patients_write})
PLANS_READ: Final[Who] = frozenset({Scope.plans_read})
REMINDERS_READ: Final[Who] = frozenset({Scope.reminders_read})
REPORTS_READ: Final[Who] = frozenset({Scope.reports_read})
IMPORT: Final[Who] = frozenset({Scope.import_})
HEALTH_READ: Final[Who] = frozenset({Scope.health_read})
