"""`flask preview`: what a reminder of a protocol says on each channel and in each language, to a made-up patient.

Knows no patient. Without --practice it knows what ships, and needs no database.
"""

from collections.abc import Iterator
from datetime import time

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from models.protocols import ProtocolVersion
from schedules.plan.errors import PlanError
from schedules.plan.library import load_library, no_protocol
from schedules.plan.protocol import Protocol, ReminderTemplate
from schedules.plan.sms_length import count_segments
from schedules.plan.vocabulary import Channel, Language, MilestoneKind
from schedules.plan.wording import Said, Wording
from schedules.planning.library import read_own
from service.cli.context import choose_practice, fail, sessions, settings

# Made up, as long as real ones are. 555-01xx is kept free for such use.
_CLINIC, _PHONE, _COUNTRY, _ARRIVAL = "Example Spine Clinic", "+12125550100", "US", time(6, 30)
_TOKEN, _REFERENCE = "EXAMPLE_EXAMPLE_EXAMPL", "0a1b2c3d"
_CHANNELS = (Channel.email, Channel.sms, Channel.push)


@click.command("preview")
@click.argument("protocol", metavar="PROTOCOL")
@click.option("--kind", type=click.Choice(list(MilestoneKind)), help="Kind of milestone; without it, every kind.")
@click.option("--key", help="Key of the reminder; without it, every reminder of the kind.")
@click.option("--language", type=click.Choice(list(Language)), help="Without it, every language.")
@click.option("--channel", type=click.Choice(list(_CHANNELS)), help="Without it, e-mail, SMS and push.")
@click.option("--details", is_flag=True, help="As for a patient who agreed to details on lock screens.")
@click.option("--practice", "slug", help="Slug of the practice whose own versions are meant too.")
@with_appcontext
def preview(
    protocol: str,
    *,
    kind: str | None,
    key: str | None,
    language: str | None,
    channel: str | None,
    details: bool,
    slug: str | None,
) -> None:
    """Print what the messages of PROTOCOL (an id, or ID@VERSION) say, with made-up data and no patient."""
    try:
        chosen, status = _find(protocol, slug)
    except PlanError as error:
        fail(str(error))
    templates = [each for each in chosen.reminders.templates if kind in (None, each.kind) and key in (None, each.key)]
    if not templates:
        fail("Expected the kind and key of a reminder of this protocol; without them, all are shown.")
    languages = [Language(language)] if language else list(Language)
    channels = [Channel(channel)] if channel else list(_CHANNELS)
    print(f"{chosen.id} version {chosen.version} ({status}): {chosen.title}")
    print(f"Reminders version {chosen.reminders.version} ({chosen.reminders.status}). Clinic and patient are made up.")
    for template in templates:
        for each in languages:
            print("\n".join(_said(template, each, channels, details=details)))


def _said(template: ReminderTemplate, language: Language, channels: list[Channel], *, details: bool) -> Iterator[str]:
    words = Wording(
        language=language,
        says=(Said(template.text, _ARRIVAL),),
        practice_name=_CLINIC,
        practice_phone=_PHONE,
        country=_COUNTRY,
        reference=_REFERENCE,
        link=f"{settings().public_url}/m/{_TOKEN}",
        with_details=details,
    )
    yield f"\n{template.kind} {template.key}, {template.category}, grade {template.grade}, in {language}"
    for channel in channels:
        yield from (f"  {line}".rstrip() for line in _shown(words, channel))


def _shown(words: Wording, channel: Channel) -> list[str]:
    if channel is Channel.email:
        return ["email", f"  Subject: {words.subject}", *(f"  {line}" for line in words.body.splitlines())]
    if channel is Channel.sms:
        return [f"sms ({len(words.sms)} characters, segments: {count_segments(words.sms)})", f"  {words.sms}"]
    return ["push", f"  {words.notice}"]


def _find(name: str, slug: str | None) -> tuple[Protocol, str]:
    """Return a version by ID@VERSION, or the newest by its id, and its state. Raises PlanError if there is none."""
    protocol_id, _, version = name.partition("@")
    if version and not version.isdecimal():
        fail("Expected an id, or an id and a version such as MD-MISS@1.")
    shipped = [each.version for each in load_library().protocols if each.id == protocol_id]
    if slug is None or shipped:
        found = load_library().protocol(protocol_id, int(version or max(shipped, default=1)))
        return found, found.status
    with sessions() as factory, factory() as session:
        practice_id = choose_practice(session, slug).id
        query = select(ProtocolVersion).filter_by(practice_id=practice_id, protocol_id=protocol_id)
        if version:
            query = query.filter_by(version=int(version))
        row = session.scalars(query.order_by(ProtocolVersion.version.desc())).first()
        if row is None:
            raise no_protocol(protocol_id, int(version or 1))
        return read_own(row.toml, row.digest, protocol_id=row.protocol_id, version=row.version), row.status


COMMANDS = (preview,)
