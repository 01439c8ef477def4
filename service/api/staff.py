"""Who works in the clinic, for its admin. Every change asks for a session whose second factor is fresh."""

from typing import Any

from marshmallow import Schema, fields

from models.people import StaffRole
from service.api import examples_staff as examples
from service.api.fields import Id, Instant, Text, Word
from service.api.resource import Resource
from service.api.sign_in_bodies import EndedView
from service.api.staff_steps import (
    forget_provider_link,
    give_code,
    give_role,
    let_in,
    see_member,
    see_members,
    send_off,
    shut_out,
    take_in,
)
from service.care.staff import LONGEST_ADDRESS, LONGEST_NAME, Lost, Member, NewMember
from service.identity.codes import IssuedCode

staff = Resource("staff", "The clinic's staff, for its admin. Changes ask for a session. Not a patient's data.")


class InvitationBody(Schema):
    """Who is added, and what they may do: `docs/access.md` says what each role reaches."""

    name = Text(LONGEST_NAME, "a name in one line", required=True)
    email = Text(LONGEST_ADDRESS, "an e-mail address", required=True)
    role = Word(StaffRole, required=True)


class RoleBody(Schema):
    """What somebody may do from now on."""

    role = Word(StaffRole, required=True)


class LostBody(Schema):
    """What somebody cannot sign in with any more. Who lost the second factor begins anew."""

    lost = Word(Lost, required=True)


class MemberView(Schema):
    """A member of staff.

    `code_until`: how long a code that was handed out still sets a password. `sessions`: how many have not ended.
    `episodes`: of how many open episodes they are the coordinator. `provider_linked_at`: since when the clinic's own
    provider of sign-ins knows them. `email_dead_at`: when mail to `email` was refused for good. It still signs in, but
    no message goes there.
    """

    id = Id(required=True)
    name = Text(LONGEST_NAME, "a name", required=True)
    email = Text(LONGEST_ADDRESS, "an e-mail address", required=True, allow_none=True)
    email_dead_at = Instant(required=True, allow_none=True)
    role = Word(StaffRole, required=True)
    deactivated_at = Instant(required=True, allow_none=True)
    has_password = fields.Boolean(required=True)
    has_authenticator = fields.Boolean(required=True)
    code_until = Instant(required=True, allow_none=True)
    sessions = fields.Integer(required=True)
    episodes = fields.Integer(required=True)
    provider_linked_at = Instant(required=True, allow_none=True)


class StaffView(Schema):
    """The clinic's staff by name, whoever is deactivated at the end."""

    items = fields.List(fields.Nested(MemberView), required=True)


class CodeView(Schema):
    """A code with which somebody sets a password, once. It is not shown again: hand it over."""

    staff_id = Id(required=True)
    code = Text(40, "what is typed at /sign-in/password", required=True)
    expires_at = Instant(required=True)


@staff.get("/staff")
@staff.response(200, StaffView, example=examples.STAFF)
def list_staff() -> Any:
    """List the clinic's staff."""
    return {"items": [_told(each) for each in see_members()]}


@staff.post("/staff")
@staff.arguments(InvitationBody, example=examples.INVITATION)
@staff.response(201, CodeView, example=examples.CODE)
def invite_staff(body: dict[str, Any]) -> Any:
    """Add a member of staff, with a code for their first password. Asks for a fresh second factor."""
    member, issued = take_in(NewMember(**body))
    return _code(member.id, issued)


@staff.post("/staff/<id:member_id>/role")
@staff.arguments(RoleBody, example=examples.ROLE)
@staff.response(200, MemberView, example=examples.MEMBER)
def set_staff_role(body: dict[str, Any], member_id: str) -> Any:
    """Give somebody another role; their sessions end. Not one's own, nor the last admin's.

    Asks for a fresh second factor. 409 too for who still coordinates open episodes and would treat nobody.
    """
    give_role(member_id, body["role"])
    return _told(see_member(member_id))


@staff.post("/staff/<id:member_id>/deactivate")
@staff.response(200, MemberView, example=examples.MEMBER)
def deactivate_staff(member_id: str) -> Any:
    """End somebody's access at once. Not one's own, nor the last admin's. Asks for a fresh second factor.

    What they entered stays under their name, and so do the episodes that they coordinate: give those to somebody else.
    """
    shut_out(member_id)
    return _told(see_member(member_id))


@staff.post("/staff/<id:member_id>/reactivate")
@staff.response(200, CodeView, example=examples.CODE)
def reactivate_staff(member_id: str) -> Any:
    """Let somebody in again, who begins anew with the code. Asks for a fresh second factor."""
    return _code(member_id, let_in(member_id))


@staff.post("/staff/<id:member_id>/end-sessions")
@staff.response(200, EndedView, example={"ended": 2})
def end_staff_sessions(member_id: str) -> Any:
    """End somebody's sessions, sign-ins that have begun, and tokens. Asks for a fresh second factor."""
    return {"ended": send_off(member_id)}


@staff.delete("/staff/<id:member_id>/provider-link")
@staff.response(204)
def forget_staff_link(member_id: str) -> Any:
    """Forget whom the clinic's own provider of sign-ins knows somebody as: 404 where it knows nobody.

    Their next sign-in by the provider links them anew, by an address that it has verified. Sessions go on. Asks for a
    fresh second factor.
    """
    forget_provider_link(member_id)
    return ""


@staff.post("/staff/<id:member_id>/code")
@staff.arguments(LostBody, example=examples.LOST)
@staff.response(200, CodeView, example=examples.CODE)
def reset_staff(body: dict[str, Any], member_id: str) -> Any:
    """Make a code for somebody who cannot sign in any more. Make sure who asks. Asks for a fresh second factor.

    Who lost the password sets a new one within an hour, and the old one holds until then. Who lost the second factor
    begins anew: authenticator, recovery codes, password and sessions end at once.
    """
    return _code(member_id, give_code(member_id, body["lost"]))


def _told(member: Member) -> dict[str, Any]:
    names = ("has_password", "has_authenticator", "code_until", "sessions", "episodes")
    row = member.staff
    of_row = {"id": row.id, "name": row.display_name, "email": row.email, "role": row.role}
    ends = {
        "deactivated_at": row.disabled_at,
        "provider_linked_at": member.linked_at,
        "email_dead_at": row.email_dead_at,
    }
    return of_row | ends | {name: getattr(member, name) for name in names}


def _code(staff_id: str, issued: IssuedCode) -> dict[str, Any]:
    return {"staff_id": staff_id, "code": issued.code, "expires_at": issued.expires_at}
