"""What the clinic's admin does about its staff, each with its audit entry, for the API and the dashboard.

Every change asks for a session whose second factor is fresh.
"""

from datetime import timedelta

from models import Staff
from models.people import StaffRole
from service.api.scope import caller, now, scope, settings
from service.care.staff import (
    Lost,
    Member,
    NewMember,
    change_role,
    deactivate,
    end_sessions_of,
    invite_member,
    issue_reset,
    list_members,
    reactivate,
    view_member,
)
from service.db import current_session
from service.identity.codes import IssuedCode
from service.identity.sessions import require_fresh
from service.identity.single_sign_on import forget_link


def see_members() -> list[Member]:
    """Return the clinic's staff."""
    return list_members(current_session(), caller().practice_id, idle=_idle(), now=now())


def see_member(member_id: str) -> Member:
    """Return one member of staff. Raises NotFoundError."""
    return view_member(current_session(), caller().practice_id, member_id, idle=_idle(), now=now())


def take_in(wanted: NewMember) -> tuple[Staff, IssuedCode]:
    """Add a member of staff. Return them with the code of their first password."""
    require_fresh(caller(), now())
    member, issued = invite_member(current_session(), caller().practice_id, wanted, now())
    scope().about.update({"staff_id": member.id, "role": member.role.value})
    return member, issued


def give_role(member_id: str, role: StaffRole) -> None:
    """Give somebody another role."""
    require_fresh(caller(), now())
    who = caller()
    before = change_role(current_session(), who.practice_id, member_id, role, by=who.actor_id, now=now())
    scope().about.update({"staff_id": member_id, "from": before.value, "to": role.value})


def shut_out(member_id: str) -> None:
    """End somebody's access at once."""
    require_fresh(caller(), now())
    deactivate(current_session(), caller().practice_id, member_id, by=caller().actor_id, now=now())
    scope().about["staff_id"] = member_id


def let_in(member_id: str) -> IssuedCode:
    """Let somebody in again. Return the code with which they begin anew."""
    require_fresh(caller(), now())
    issued = reactivate(current_session(), caller().practice_id, member_id, now=now())
    scope().about["staff_id"] = member_id
    return issued


def send_off(member_id: str) -> int:
    """End somebody's sessions. Return how many those were."""
    require_fresh(caller(), now())
    ended = end_sessions_of(current_session(), caller().practice_id, member_id, now())
    scope().about["staff_id"] = member_id
    return ended


def forget_provider_link(member_id: str) -> None:
    """Forget whom the clinic's provider of sign-ins knows somebody as. Raises NotFoundError where it knows nobody."""
    require_fresh(caller(), now())
    forget_link(current_session(), caller().practice_id, member_id)
    scope().about.update({"staff_id": member_id, "changed": ["provider_link"]})


def give_code(member_id: str, lost: Lost) -> IssuedCode:
    """Return a code for somebody who cannot sign in any more."""
    require_fresh(caller(), now())
    who = caller()
    issued = issue_reset(current_session(), who.practice_id, member_id, lost, by=who.actor_id, now=now())
    scope().about.update({"staff_id": member_id, "lost": lost.value})
    return issued


def _idle() -> timedelta:
    return timedelta(minutes=settings().session_idle_minutes)
