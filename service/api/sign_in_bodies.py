"""What the routes of signing in, and of one's own account, take and answer."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema

from models.people import StaffRole
from service.api.fields import Id, Instant, Spoken, Text, Word
from service.identity.password_rules import LONGEST, SHORTEST
from service.identity.sign_in import NextStep

LONGEST_CODE = 64
LONGEST_SECRET = 200


class SignInBody(Schema):
    """Who signs in, and where. E-mail addresses are looked up within one clinic."""

    practice = Text(64, "the clinic's slug", required=True)
    email = Text(254, "an e-mail address", required=True)
    password = Text(LONGEST, "the password", required=True)


class ChallengeBody(Schema):
    """What the step before answered."""

    challenge = Text(LONGEST_SECRET, "the challenge of the step before", required=True)


class CodeBody(ChallengeBody):
    """The challenge with a code of the authenticator."""

    code = Text(LONGEST_CODE, "a code of the authenticator", required=True)


class SecondFactorFields(Schema):
    """A code of the authenticator, or in its place a recovery code or what a passkey answered."""

    code = Text(LONGEST_CODE, "a code of the authenticator", load_default=None, allow_none=True)
    recovery_code = Text(LONGEST_CODE, "a recovery code", load_default=None, allow_none=True)
    passkey = Spoken("what navigator.credentials gave, by its toJSON()", load_default=None, allow_none=True)

    @validates_schema
    def _has_one(self, body: dict[str, Any], **_: Any) -> None:
        if sum(body.get(name) is not None for name in ("code", "recovery_code", "passkey")) != 1:
            raise ValidationError("one of code, recovery_code and passkey")


class SecondFactorBody(ChallengeBody, SecondFactorFields):
    """The challenge with a second factor."""


class NewPasswordBody(Schema):
    """A one-time code of the clinic, and the password that its holder chooses."""

    code = Text(LONGEST_CODE, "a one-time code", required=True)
    password = Text(LONGEST, f"the new password, from {SHORTEST} characters", required=True)


class FirstStepView(Schema):
    """What the sign-in lacks, and the challenge to do it with: no token of requests, and good for ten minutes."""

    next = Word(NextStep, required=True)
    challenge = Text(LONGEST_SECRET, "the challenge of the next step", required=True)
    expires_at = Instant(required=True)


class AuthenticatorView(Schema):
    """A new authenticator's secret, as text and as the address of a QR code. It counts once it gave a right code."""

    secret = Text(64, "the secret in base32", required=True)
    uri = Text(1000, "an otpauth address", required=True)


class SessionTokenView(Schema):
    """A session's bearer token, which is not shown again. It ends at `expires_at`, or after `idle_minutes` unused."""

    token = Text(LONGEST_SECRET, "the bearer token of requests", required=True)
    expires_at = Instant(required=True)
    idle_minutes = fields.Integer(required=True)
    staff_id = Id(required=True)
    role = Word(StaffRole, required=True)


class FirstSessionView(SessionTokenView):
    """A session's token, and recovery codes for when the authenticator is not at hand. They are not shown again."""

    recovery_codes = fields.List(fields.String(), required=True)


class PasswordBody(Schema):
    """The present password, and the one that takes its place."""

    old_password = Text(LONGEST, "the present password", required=True)
    new_password = Text(LONGEST, f"the new password, from {SHORTEST} characters", required=True)


class AuthenticatorCodeBody(Schema):
    """A code of the new authenticator."""

    code = Text(LONGEST_CODE, "a code of the new authenticator", required=True)


class RecoveryCodesView(Schema):
    """New recovery codes, which are not shown again. The old ones have ended."""

    recovery_codes = fields.List(fields.String(), required=True)


class EndedView(Schema):
    """How many sessions were ended."""

    ended = fields.Integer(required=True)


class StepUpView(Schema):
    """Until when the caller may do what asks for a fresh second factor."""

    fresh_until = Instant(required=True)


class SessionView(Schema):
    """A session: when it began, was last used (to the minute) and ends. `label` is the family of its browser."""

    id = Id(required=True)
    label = fields.String(required=True)
    made_at = Instant(required=True)
    last_seen_at = Instant(required=True)
    expires_at = Instant(required=True)
    is_present = fields.Boolean(required=True, metadata={"description": "The one that asks."})


class SessionsView(Schema):
    """All sessions that have not ended, the latest used first."""

    items = fields.List(fields.Nested(SessionView), required=True)


class OwnPracticeView(Schema):
    """The caller's clinic."""

    id = Id(required=True)
    slug = fields.String(required=True)
    name = fields.String(required=True)


class AccountView(Schema):
    """The caller. `session_id` null: a token that a command made. `fresh_until`: see `step_up_required`."""

    id = Id(attribute="staff.id", required=True)
    display_name = fields.String(attribute="staff.display_name", required=True)
    email = fields.String(attribute="staff.email", required=True, allow_none=True)
    role = Word(StaffRole, attribute="staff.role", required=True)
    practice = fields.Nested(OwnPracticeView, required=True)
    session_id = Id(attribute="session.id", allow_none=True, dump_default=None)
    fresh_until = Instant(allow_none=True, dump_default=None)
    has_password = fields.Boolean(required=True)
    has_authenticator = fields.Boolean(required=True)
    recovery_codes_left = fields.Integer(required=True)
