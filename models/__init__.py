"""What is stored: tables and migrations. No HTTP, no clock.

Importing this package registers every table, with its triggers and policies, on `Base.metadata`.
"""

from models.alert import Alert, AlertEntry, OnCallShift, StaffAddress
from models.answering import AlertAnswering
from models.audit import AuditEntry, AuditSeal, AuditSubject
from models.base import Base
from models.calendar import CalendarFeed
from models.cards import CardVersion
from models.care import Episode, Milestone, MilestoneProgress, Restriction, Surgery
from models.caseload import CareAssignment, EmergencyAccess
from models.change import PlanChange, SlotEntry
from models.clearance import Clearance, ClearanceRule, ObservedFact
from models.data_keys import DataKey
from models.erasure import Erasure
from models.hold import RecordHold
from models.identity import Device, EnrolmentCode, Token
from models.letter import Letter, LetterRelease
from models.link import MessageLink
from models.merging import FormerVersion, RefusedRow, SyncConflict
from models.panel import Panel
from models.people import Patient, Staff
from models.photo import WoundPhoto
from models.practice import Practice
from models.protocols import ProtocolSignature, ProtocolVersion
from models.providers import ProviderPause
from models.proxy import ProxyConsent
from models.push import PushAddress
from models.receipts import DeadAddress, InboundMessage, Receipt
from models.record_merge import RecordMerge
from models.reminder import Decision, Delivery, DeliveryAttempt, Reminder
from models.replies import KeptReply
from models.report import CheckIn, ClinicalEvent, QuestionnaireAnswer, ReminderAck, Task, Visit
from models.row_security import secure_tables
from models.safety import SafetyCard
from models.saved_view import SavedView
from models.service_account import ServiceAccount
from models.sign_in import (
    Passkey,
    RecoveryCode,
    SignInCode,
    SignInProvider,
    SignInThrottle,
    StaffCredential,
    StaffIdentity,
    UsedChallenge,
)
from models.sync import DeviceChange, SyncClock, SyncHeal
from models.taper import OpioidTaper
from models.triggers import create_triggers
from models.wake import DevicePull, DeviceWake, WakeMark, WakeTally
from models.watch import AuditMark, DecisionTally, SelfAudit, TallyMark, WorkerHeartbeat

__all__ = [
    "Alert",
    "AlertAnswering",
    "AlertEntry",
    "AuditEntry",
    "AuditMark",
    "AuditSeal",
    "AuditSubject",
    "Base",
    "CalendarFeed",
    "CardVersion",
    "CareAssignment",
    "CheckIn",
    "Clearance",
    "ClearanceRule",
    "ClinicalEvent",
    "DataKey",
    "DeadAddress",
    "Decision",
    "DecisionTally",
    "Delivery",
    "DeliveryAttempt",
    "Device",
    "DeviceChange",
    "DevicePull",
    "DeviceWake",
    "EmergencyAccess",
    "EnrolmentCode",
    "Episode",
    "Erasure",
    "FormerVersion",
    "InboundMessage",
    "KeptReply",
    "Letter",
    "LetterRelease",
    "MessageLink",
    "Milestone",
    "MilestoneProgress",
    "ObservedFact",
    "OnCallShift",
    "OpioidTaper",
    "Panel",
    "Passkey",
    "Patient",
    "PlanChange",
    "Practice",
    "ProtocolSignature",
    "ProtocolVersion",
    "ProviderPause",
    "ProxyConsent",
    "PushAddress",
    "QuestionnaireAnswer",
    "Receipt",
    "RecordHold",
    "RecordMerge",
    "RecoveryCode",
    "RefusedRow",
    "Reminder",
    "ReminderAck",
    "Restriction",
    "SafetyCard",
    "SavedView",
    "SelfAudit",
    "ServiceAccount",
    "SignInCode",
    "SignInProvider",
    "SignInThrottle",
    "SlotEntry",
    "Staff",
    "StaffAddress",
    "StaffCredential",
    "StaffIdentity",
    "Surgery",
    "SyncClock",
    "SyncConflict",
    "SyncHeal",
    "TallyMark",
    "Task",
    "Token",
    "UsedChallenge",
    "Visit",
    "WakeMark",
    "WakeTally",
    "WorkerHeartbeat",
    "WoundPhoto",
    "create_triggers",
    "secure_tables",
]
