"""`flask devices list`, `revoke`, `lost`, `flask proxies list`, `end`: phones of patients and of who looks after them.

For when the dashboard cannot be reached. The rules are those of the API, for whoever may reach every patient of the
clinic. No name is printed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from models import Device, ProxyConsent, journal
from models.audit import ActorKind, AuditAction
from models.people import StaffRole
from service.care.devices import list_devices, mark_lost, revoke_device, state_of
from service.care.proxies import end_proxy, list_consents
from service.cli.context import choose_practice, clock, fail, sessions
from service.errors import NotFoundError
from service.identity.principal import Principal

device_commands = AppGroup("devices", help="Phones that hold a patient's data.")
proxy_commands = AppGroup("proxies", help="Whom patients let look after them.")
_slug = click.option("--practice", "slug", help="The clinic's slug; not needed while there is one clinic.")
_ACTOR = "flask"


@device_commands.command("list")
@click.argument("patient_id")
@_slug
def print_devices(patient_id: str, slug: str | None) -> None:
    """Print the phones of PATIENT_ID: id, state, when enrolled, whose."""
    with _acting(slug) as (session, caller), _told_if_missing("patient"):
        for each in list_devices(session, caller, patient_id):
            whose = "the patient's" if each.proxy_consent_id is None else f"by {each.proxy_consent_id}"
            print(f"{each.id}\t{state_of(each)}\t{each.enrolled_at:%Y-%m-%d %H:%M}\t{whose}")
        _record(session, caller, "flask devices list", patient_id)


@device_commands.command("revoke")
@click.argument("device_id")
@_slug
def end_device(device_id: str, slug: str | None) -> None:
    """End the tokens of DEVICE_ID. At its next contact it is told to delete what it stores."""
    _end_device(slug, device_id, "flask devices revoke", revoke_device)


@device_commands.command("lost")
@click.argument("device_id")
@_slug
def lose_device(device_id: str, slug: str | None) -> None:
    """Say that DEVICE_ID is lost: its tokens end, and it is woken to learn that it must delete what it stores."""
    _end_device(slug, device_id, "flask devices lost", mark_lost)


@proxy_commands.command("list")
@click.argument("patient_id")
@_slug
def print_proxies(patient_id: str, slug: str | None) -> None:
    """Print the consents of PATIENT_ID: id, whether it holds, relationship, scopes, until when."""
    now = clock().now()
    with _acting(slug) as (session, caller), _told_if_missing("patient"):
        for each in list_consents(session, caller, patient_id):
            scopes = ",".join(each.scopes)
            print(f"{each.id}\t{_standing(each, now)}\t{each.relationship}\t{scopes}\t{each.ends_at:%Y-%m-%d %H:%M}")
        _record(session, caller, "flask proxies list", patient_id)


@proxy_commands.command("end")
@click.argument("proxy_id")
@_slug
def stop_proxy(proxy_id: str, slug: str | None) -> None:
    """End the consent PROXY_ID for the clinic: the proxy's tokens end, and their phone is told to delete its data."""
    with _acting(slug) as (session, caller), _told_if_missing("consent"):
        consent = end_proxy(session, caller, proxy_id, clock().now())
        _record(session, caller, "flask proxies end", consent.patient_id, proxy_consent_id=consent.id)
    print("Ended.")


def _end_device(
    slug: str | None, device_id: str, command: str, end: Callable[[Session, Principal, str, datetime], Device]
) -> None:
    with _acting(slug) as (session, caller), _told_if_missing("phone"):
        device = end(session, caller, device_id, clock().now())
        _record(session, caller, command, device.patient_id, device_id=device.id)
    print("Ended.")


@contextmanager
def _acting(slug: str | None) -> Iterator[tuple[Session, Principal]]:
    """Yield a session and who acts for the clinic in it, and commit."""
    with sessions() as make_session, make_session() as session:
        practice = choose_practice(session, slug)
        yield session, Principal(practice.id, _ACTOR, role=StaffRole.practice_admin)
        session.commit()


@contextmanager
def _told_if_missing(kind: str) -> Iterator[None]:
    try:
        yield
    except NotFoundError:
        fail(f"Expected the id of a {kind} of this clinic.")


def _record(session: Session, caller: Principal, command: str, patient_id: str, **about: str) -> None:
    action = AuditAction.write if about else AuditAction.read
    act = journal.Act(ActorKind.command, None, action, command, about=dict(about), patient_ids=[patient_id])
    journal.append(session, caller.practice_id, act, clock().now())


def _standing(consent: ProxyConsent, now: datetime) -> str:
    if consent.ended_how is not None:
        return consent.ended_how.value
    return "holds" if now < consent.ends_at else "over"


COMMANDS = (device_commands, proxy_commands)
