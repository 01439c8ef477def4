"""The jobs of the worker, one module each. APScheduler decides when; nothing here is clinical."""

from schedules.jobs.alerts import AlertRound, tend_alerts
from schedules.jobs.anchor_sign import AnchorSign
from schedules.jobs.anchors import anchor_apart, anchor_chains
from schedules.jobs.audit import seal_audit, seal_missed
from schedules.jobs.decision_tally import tally
from schedules.jobs.exercises import write_exercises_of_old
from schedules.jobs.heartbeat import beat, sign_off
from schedules.jobs.kept_replies import remove_old_replies
from schedules.jobs.obstacle import find_obstacle
from schedules.jobs.practices import practice_ids
from schedules.jobs.proxies import end_lapsed_proxies
from schedules.jobs.publish import publish
from schedules.jobs.push_receipts import ask_expo, fetch_push_receipts
from schedules.jobs.receipts import follow_receipts
from schedules.jobs.retention import keep_night, keep_to_terms
from schedules.jobs.rhythms import replan_by_rhythm
from schedules.jobs.rules import Round, clear_by_signed_rules
from schedules.jobs.safety_cards import write_safety_cards
from schedules.jobs.self_audit import audit_night, self_audit
from schedules.jobs.settled import remove_settled
from schedules.jobs.surgeries import ask_about_passed_surgeries
from schedules.jobs.tick import Dispatch, tick, top_up
from schedules.jobs.wake import Waker, wake_devices
from schedules.jobs.zones import ZoneRound, replan_by_zone_rules

__all__ = [
    "AlertRound",
    "AnchorSign",
    "Dispatch",
    "Round",
    "Waker",
    "ZoneRound",
    "anchor_apart",
    "anchor_chains",
    "ask_about_passed_surgeries",
    "ask_expo",
    "audit_night",
    "beat",
    "clear_by_signed_rules",
    "end_lapsed_proxies",
    "fetch_push_receipts",
    "find_obstacle",
    "follow_receipts",
    "keep_night",
    "keep_to_terms",
    "practice_ids",
    "publish",
    "remove_old_replies",
    "remove_settled",
    "replan_by_rhythm",
    "replan_by_zone_rules",
    "seal_audit",
    "seal_missed",
    "self_audit",
    "sign_off",
    "tally",
    "tend_alerts",
    "tick",
    "top_up",
    "wake_devices",
    "write_exercises_of_old",
    "write_safety_cards",
]
