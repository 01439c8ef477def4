"""What the routes of passkeys take and answer. Messages of WebAuthn stand in them as its JSON forms write them."""

from marshmallow import Schema, fields

from service.api.fields import Id, Instant, Spoken, Text
from service.api.sign_in_bodies import LONGEST_SECRET
from service.identity.passkeys import LONGEST_NAME


class PasskeyOptionsView(Schema):
    """What a browser hands to WebAuthn. Its challenge is answered once, within five minutes."""

    options = Spoken("options of WebAuthn in their JSON form", required=True)


class PasskeyAnswerBody(Schema):
    """What the passkey answered."""

    passkey = Spoken("what navigator.credentials gave, by its toJSON()", required=True)


class NewPasskeyBody(PasskeyAnswerBody):
    """A new passkey, and what its holder calls it."""

    name = Text(LONGEST_NAME, "what its holder calls it", required=True)


class PasskeyView(Schema):
    """One passkey. `stopped_at`: its counter went back, so that somebody may have copied it; it is taken no more."""

    id = Id(required=True)
    name = Text(LONGEST_NAME, "what its holder calls it", required=True)
    made_at = Instant(required=True)
    last_used_at = Instant(required=True, allow_none=True)
    stopped_at = Instant(required=True, allow_none=True)


class PasskeysView(Schema):
    """The caller's passkeys, the oldest first."""

    items = fields.List(fields.Nested(PasskeyView), required=True)


class SignInPasskeyBody(Schema):
    """With the `challenge` of a password, for its second factor; without it, to sign in by a passkey alone."""

    challenge = Text(LONGEST_SECRET, "the challenge of the step before", load_default=None, allow_none=True)
