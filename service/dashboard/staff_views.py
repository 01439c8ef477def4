"""Who works in the clinic, for its admin: the list, whom to add, and what to do about one person."""

from zoneinfo import ZoneInfo

from flask import Response

from models import Staff
from models.people import StaffRole
from service.api.parsing import load_form
from service.api.scope import caller
from service.api.settle import settled
from service.api.staff import InvitationBody, LostBody, RoleBody
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
from service.care.reach import practice_of
from service.care.staff import NewMember
from service.dashboard.blueprint import clinic, typed
from service.dashboard.render import go_to, page
from service.db import begin, current_session
from service.errors import ConflictError, Fault, InvalidError
from service.identity.codes import IssuedCode


@clinic.get("/staff")
@settled
def list_staff() -> Response:
    """Show the clinic's staff, and a form that adds somebody."""
    return _list()


@clinic.post("/staff")
@settled
def invite_staff() -> Response:
    """Add somebody, and show the code that sets their first password."""
    sent = {name: typed(name) for name in ("name", "email", "role")}
    try:
        member, issued = take_in(NewMember(**load_form(InvitationBody(), sent)))
    except (InvalidError, ConflictError) as refused:
        current_session().rollback()
        return _list(status=refused.status, faults=refused.faults, said=sent)
    return _code(member, issued)


@clinic.get("/staff/<id:member_id>")
@settled
def show_member(member_id: str) -> Response:
    """Show one member of staff, and what may be done."""
    return _member(member_id)


@clinic.post("/staff/<id:member_id>/role")
@settled
def change_member_role(member_id: str) -> Response:
    """Give somebody another role."""
    try:
        give_role(member_id, load_form(RoleBody(), {"role": typed("role")})["role"])
    except (InvalidError, ConflictError) as refused:
        return _refused(member_id, refused)
    return go_to(f"/clinic/staff/{member_id}")


@clinic.post("/staff/<id:member_id>/deactivate")
@settled
def deactivate_member(member_id: str) -> Response:
    """End somebody's access."""
    try:
        shut_out(member_id)
    except ConflictError as refused:
        return _refused(member_id, refused)
    return go_to(f"/clinic/staff/{member_id}")


@clinic.post("/staff/<id:member_id>/reactivate")
@settled
def reactivate_member(member_id: str) -> Response:
    """Let somebody in again, and show the code with which they begin anew."""
    try:
        issued = let_in(member_id)
    except ConflictError as refused:
        return _refused(member_id, refused)
    return _code(see_member(member_id).staff, issued)


@clinic.post("/staff/<id:member_id>/end-sessions")
@settled
def end_member_sessions(member_id: str) -> Response:
    """End somebody's sessions."""
    send_off(member_id)
    return go_to(f"/clinic/staff/{member_id}")


@clinic.post("/staff/<id:member_id>/forget-provider")
@settled
def forget_member_link(member_id: str) -> Response:
    """Forget whom the clinic's provider of sign-ins knows somebody as."""
    forget_provider_link(member_id)
    return go_to(f"/clinic/staff/{member_id}")


@clinic.post("/staff/<id:member_id>/code")
@settled
def reset_member(member_id: str) -> Response:
    """Show a code for somebody who cannot sign in any more."""
    try:
        issued = give_code(member_id, load_form(LostBody(), {"lost": typed("lost")})["lost"])
    except (InvalidError, ConflictError) as refused:
        return _refused(member_id, refused)
    return _code(see_member(member_id).staff, issued)


def _list(*, status: int = 200, faults: tuple[Fault, ...] = (), said: dict[str, str] | None = None) -> Response:
    return page(
        "staff.html",
        status=status,
        faults=faults,
        said=said or {},
        members=see_members(),
        roles=list(StaffRole),
        zone=_zone(),
    )


def _refused(member_id: str, refused: InvalidError | ConflictError) -> Response:
    """Show the person again with what stands against it. What was begun is taken back first."""
    current_session().rollback()
    begin(reads=False)
    return _member(member_id, status=refused.status, faults=refused.faults)


def _member(member_id: str, *, status: int = 200, faults: tuple[Fault, ...] = ()) -> Response:
    return page(
        "member.html",
        status=status,
        faults=faults,
        member=see_member(member_id),
        is_oneself=member_id == caller().actor_id,
        roles=list(StaffRole),
        zone=_zone(),
    )


def _code(staff: Staff, issued: IssuedCode) -> Response:
    return page("staff_code.html", staff=staff, issued=issued, zone=_zone())


def _zone() -> ZoneInfo:
    return ZoneInfo(practice_of(current_session(), caller()).time_zone)
