"""`flask protocol`: what changed between two versions, in words, and what stands against a version in a file.

Without --practice it knows what ships, and needs no database.
"""

from pathlib import Path

import click
from flask.cli import AppGroup

from schedules.plan.errors import PlanError, ProtocolError
from schedules.plan.library import load_library, parse_own
from schedules.plan.protocol import Protocol
from schedules.plan.review import review_protocol
from schedules.plan.versions import VersionDiff, diff_versions
from schedules.planning.library import find_protocol
from service.cli.context import choose_practice, fail, sessions

protocol_commands = AppGroup("protocol", help="Compare and check protocol versions.")


@protocol_commands.command("diff")
@click.argument("older")
@click.argument("newer")
@click.option("--practice", help="Slug of the practice whose own versions are meant too.")
def print_diff(older: str, newer: str, practice: str | None) -> None:
    """Say in words what changed from OLDER to NEWER, each as ID@VERSION."""
    try:
        before, after = (_find(name, practice) for name in (older, newer))
    except PlanError as error:
        fail(str(error))
    print(render_diff(diff_versions(before, after)))


@protocol_commands.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--against", help="The version that it was copied from, as ID@VERSION.")
def check_file(file: Path, against: str | None) -> None:
    """Parse FILE as a clinic's own protocol, named ID.vVERSION.toml, and say what stands against it."""
    protocol_id, _, version = file.name.removesuffix(".toml").rpartition(".v")
    try:
        protocol = parse_own(file.read_text("utf-8"), protocol_id=protocol_id, version=int(version or 0))
        base = None if against is None else _find(against, None)
    except UnicodeDecodeError:
        fail(f"{file.name}: expected text in UTF-8")
    except ValueError:
        fail(f"{file.name}: expected a name such as hudson-disc.v1.toml")
    except ProtocolError as error:
        fail(str(error))
    findings = review_protocol(protocol, base=base, beside=load_library().protocols)
    for each in findings:
        print(f"{each.severity}: {each.where}: expected {each.expected}, got {each.got}")
    print(f"{protocol.id} version {protocol.version}: {len(findings)} findings")


def render_diff(diff: VersionDiff) -> str:
    """Return a diff as lines of text, with what it means for plans first."""
    means = "Plans or messages get other days, times or limits." if diff.redates else "No day, time or limit changes."
    lines = [f"{diff.older} -> {diff.newer}: {len(diff.changes)} changes. {means}"]
    return "\n".join((*lines, *(f"  {change.words}" for change in diff.changes)))


def _find(name: str, slug: str | None) -> Protocol:
    protocol_id, _, version = name.rpartition("@")
    if not protocol_id or not version.isdecimal():
        fail("Expected an id and a version such as MD-MISS@1.")
    if slug is None:
        return load_library().protocol(protocol_id, int(version))
    with sessions() as factory, factory() as session:
        return find_protocol(session, choose_practice(session, slug).id, protocol_id, int(version))


COMMANDS = (protocol_commands,)
