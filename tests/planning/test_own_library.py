"""A practice's own protocol versions are found for it alone, as they were signed; what ships needs no query."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from models import Practice
from models.protocols import ProtocolVersion
from schedules.plan.errors import PlanError
from schedules.plan.library import load_library, parse_own
from schedules.plan.vocabulary import Approach, ApproachClass, Procedure, VersionStatus
from schedules.planning.library import find_protocol, library_of
from tests import builders

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def version(
    session: Session, practice: Practice, number: int, *, status: VersionStatus = VersionStatus.released, day: int = 1,
    protocol_id: str = "hudson-disc", change: tuple[str, str] = ("", ""),
) -> ProtocolVersion:  # fmt: skip
    """Add a version of a copy of MD-MISS, released on a day of March."""
    staff = builders.staff(session, practice)
    toml = load_library().files["MD-MISS", 1].replace('id = "MD-MISS"', f'id = "{protocol_id}"', 1)
    toml = toml.replace("version = 1\n", f"version = {number}\n", 1).replace(*change, 1)
    row = ProtocolVersion(practice_id=practice.id, id=f"{protocol_id}:{number}", protocol_id=protocol_id)
    row.version, row.toml, row.status = number, toml, status
    row.digest = parse_own(toml, protocol_id=protocol_id, version=number).digest
    row.created_by, row.created_at, row.released_at = staff.id, AT, AT.replace(day=day)
    session.add(row)
    session.flush()
    return row


def select(session: Session, practice: Practice, *, levels: int = 1) -> str:
    found = library_of(session, practice.id).select(
        Procedure.lumbar_microdiscectomy, Approach.tubular, ApproachClass.miss, levels
    )
    return f"{found.id}@{found.version}"


def test_what_ships_is_found_without_a_query(engine: Engine, session: Session) -> None:
    practice = builders.practice(session)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: statements.append(statement))

    find_protocol(session, practice.id, "MD-MISS", 1)

    assert statements == []


def test_an_own_version_is_its_practices_alone(session: Session) -> None:
    practice, other = builders.practice(session), builders.practice(session)
    version(session, practice, 1, status=VersionStatus.draft)

    assert find_protocol(session, practice.id, "hudson-disc", 1).id == "hudson-disc"
    with pytest.raises(PlanError, match="'hudson-disc', version 1"):
        find_protocol(session, other.id, "hudson-disc", 1)


def test_content_that_is_not_what_was_signed_is_refused(session: Session) -> None:
    practice = builders.practice(session)
    row = version(session, practice, 1)
    row.toml = row.toml.replace("target = 14", "target = 13", 1)
    session.flush()

    with pytest.raises(PlanError, match="protocol_digest: expected the content with digest"):
        find_protocol(session, practice.id, "hudson-disc", 1)
    with pytest.raises(PlanError, match="protocol_digest"):
        library_of(session, practice.id)


@pytest.mark.parametrize("status", [VersionStatus.draft, VersionStatus.signed, VersionStatus.retired])
def test_only_a_released_version_serves_new_surgeries(session: Session, status: VersionStatus) -> None:
    practice = builders.practice(session)
    version(session, practice, 1, status=status)

    assert select(session, practice) == "MD-MISS@1"


def test_the_version_released_last_serves_whatever_its_number(session: Session) -> None:
    practice = builders.practice(session)
    version(session, practice, 1, day=5)
    version(session, practice, 2, day=4)
    version(session, practice, 1, day=3, protocol_id="second-disc")

    assert select(session, practice) == "hudson-disc@1"


def test_an_own_version_that_does_not_serve_is_passed_over(session: Session) -> None:
    practice = builders.practice(session)
    version(session, practice, 1, day=4)
    version(session, practice, 2, day=5, change=("min_levels = 1", "min_levels = 1\nmax_levels = 1"))
    version(
        session, practice, 3, day=6, change=('approaches = ["tubular", "endoscopic"]', 'approaches = ["endoscopic"]')
    )
    version(session, practice, 4, day=7, change=('class = "miss"', 'class = "open"'))

    assert (select(session, practice), select(session, practice, levels=2)) == ("hudson-disc@2", "hudson-disc@1")
