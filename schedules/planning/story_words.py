"""How the lines of a reminder's story read, in plain English, to the clinic that asks why it went or did not.

The codes are what programs read; these words are for people. Knows no patient and no text of a message.
"""

from collections.abc import Mapping
from types import MappingProxyType

from models.reminder import DecisionKind
from schedules.plan.vocabulary import Channel

_KINDS: Mapping[DecisionKind, str] = MappingProxyType(
    {
        DecisionKind.planned: "planned",
        DecisionKind.not_planned: "will not be sent",
        DecisionKind.held: "waits",
        DecisionKind.passed_over: "cannot go by {channel}",
        DecisionKind.sending: "is handed over by {channel}",
        DecisionKind.sent: "sent by {channel}",
        DecisionKind.retrying: "will be tried again",
        DecisionKind.suppressed: "not sent",
        DecisionKind.expired: "not sent",
        DecisionKind.cancelled: "cancelled",
        DecisionKind.failed: "could not be sent",
        DecisionKind.quarantined: "set aside for the operator",
        DecisionKind.delivered: "arrived by {channel}",
        DecisionKind.undelivered: "did not arrive by {channel}",
        DecisionKind.acknowledged: "seen",
        DecisionKind.snoozed: "put off by the patient",
    }
)
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "achieved": "the milestone was achieved",
        "acknowledged": "it was seen",
        "address_dead": "no message reaches the address that is known",
        "address_refused": "the address was refused for good",
        "already_tried": "it was tried before and failed",
        "asked_coordinator": "its day was past at enrolment, so the clinic was asked instead",
        "attempts_exhausted": "every attempt that is allowed was used",
        "cleared": "a clinician or a signed rule cleared the item",
        "closed": "the episode was closed",
        "complained": "the patient marked it as unwanted",
        "died": "the patient has died",
        "episode_closed": "the episode was closed",
        "episode_paused": "the episode is paused",
        "episode_transferred": "the patient was transferred to another practice",
        "episode_withdrawn": "the patient withdrew",
        "fuse": "the patient has had as many messages today as may be",
        "fell_back": "on the next channel, as the one before failed",
        "in_digest": "in one message with what else is due",
        "merged": "the item was merged with another stage's",
        "message_refused": "the message was refused for good",
        "milestone_cancelled": "the milestone is no longer part of the plan",
        "moved": "it was planned again for another time",
        "no_address": "there is no address for it",
        "no_channel": "no channel was left to reach the patient",
        "not_admin": "the member of staff is no admin any more",
        "not_applicable": "the milestone no longer applies",
        "not_built": "this service does not send on it",
        "not_delivered": "the provider could not deliver it",
        "not_due": "it is not due yet",
        "not_signed": "what it says has not been signed by a clinician",
        "opted_out": "the patient opted out of it",
        "opted_out_category": "the patient opted out of what it is about",
        "past_digest": "another message says it too",
        "past_not_applicable": "its day was past at enrolment and it no longer applied",
        "past_skip": "its day was past at enrolment",
        "past_superseded": "its day was past at enrolment and a later item had taken its place",
        "past_window_closed": "its window had closed at enrolment",
        "paused": "the patient paused reminders",
        "protocol_changed": "the new version of the protocol no longer has it",
        "provider_pace": "the provider takes only so many a second",
        "provider_paused": "the provider is in trouble or busy",
        "quiet_hours": "the patient wants quiet now",
        "quiet_past_useful": "the patient's quiet hours last until it is of no more use",
        "raised": "it raised an error",
        "refused": "the provider refused it for now",
        "released": "the clinic had it sent after a restore",
        "restored": "a backup was restored, and it may have gone out since that was made",
        "said_elsewhere": "another episode of the patient says the same",
        "silence": "on the next channel, unless it is seen before",
        "skipped": "the milestone was left out",
        "reported": "the patient has checked in on that day already",
        "snoozed": "the patient put it off",
        "staff_disabled": "the member of staff no longer works here",
        "superseded": "something later took its place",
        "surgery_cancelled": "the surgery was cancelled",
        "surgery_unconfirmed": "nobody has confirmed the surgery yet",
        "too_late": "it was of no more use",
        "transferred": "the patient was transferred to another practice",
        "unknown_outcome": "nobody knows whether the provider took it",
        "withdrawn": "the patient withdrew, or the message was taken back",
        "worker_died": "its sender died more than once",
    }
)


def story_words(kind: DecisionKind, reason: str | None, channel: Channel | None) -> str:
    """Return a line of the story as words. A reason without words of its own stands as its code.

    >>> story_words(DecisionKind.passed_over, "no_address", Channel.sms)
    'cannot go by sms: there is no address for it'
    """
    told = _KINDS[kind].format(channel="a channel" if channel is None else channel.value)
    return told if reason is None else f"{told}: {REASONS.get(reason, reason)}"
