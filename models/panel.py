"""Which patients a member of staff coordinates, and since which revision: what synchronises to that person's devices.

A patient is on the panel of a coordinator while one of their episodes is open. Rows are kept by a trigger on `episode`,
so that no way of changing an episode can forget them; a row stays after the patient has left, to say so to devices.
"""

from sqlalchemy import BigInteger, Connection, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import ID_LENGTH, Base, reference
from schedules.plan.vocabulary import EpisodeStatus

OPEN_STATUSES = (EpisodeStatus.active, EpisodeStatus.paused)
TRIGGER = "follow_panel"


class Panel(Base):
    """One patient and one member of staff. `changed_rev` is the practice's revision at which `active` last changed."""

    __tablename__ = "panel"
    __table_args__ = (
        reference("staff"),
        reference("patient"),
        Index(None, "practice_id", "staff_id", "changed_rev"),
    )

    practice_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    staff_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    patient_id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    active: Mapped[bool]
    changed_rev: Mapped[int] = mapped_column(BigInteger)


_OPEN = ", ".join(f"'{status}'" for status in OPEN_STATUSES)
# `{who}` names the coordinators whom a change of an episode concerns: the new one, and the one before.
_FOLLOW = f"""
    INSERT INTO panel (practice_id, staff_id, patient_id, active, changed_rev)
    SELECT NEW.practice_id, who.id, NEW.patient_id, EXISTS (
        SELECT 1 FROM episode WHERE practice_id = NEW.practice_id AND patient_id = NEW.patient_id
        AND coordinator_id = who.id AND status IN ({_OPEN}) AND NOT deleted
    ), NEW.rev
    FROM ({{who}}) AS who WHERE who.id IS NOT NULL
    ON CONFLICT (practice_id, staff_id, patient_id)
    DO UPDATE SET active = excluded.active, changed_rev = excluded.changed_rev WHERE panel.active <> excluded.active
"""  # noqa: S608 - words of a closed list
_NEW = "SELECT NEW.coordinator_id AS id"
_BOTH = f"{_NEW} UNION SELECT OLD.coordinator_id"
# The panel of episodes that were stored before the trigger was.
FILL = f"""
    INSERT INTO panel (practice_id, staff_id, patient_id, active, changed_rev)
    SELECT practice_id, coordinator_id, patient_id, true, max(rev) FROM episode
    WHERE coordinator_id IS NOT NULL AND status IN ({_OPEN}) AND NOT deleted
    GROUP BY practice_id, coordinator_id, patient_id
"""  # noqa: S608 - words of a closed list


def create_panel_triggers(connection: Connection) -> None:
    """Create the triggers on `episode` that keep the panel."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text(
                f"CREATE OR REPLACE FUNCTION {TRIGGER}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF TG_OP = 'INSERT' THEN {_FOLLOW.format(who=_NEW)}; ELSE {_FOLLOW.format(who=_BOTH)}; END IF; "
                "RETURN NULL; END $$"
            )
        )
        connection.execute(
            text(
                f"CREATE TRIGGER episode_{TRIGGER} AFTER INSERT OR UPDATE ON episode "
                f"FOR EACH ROW EXECUTE FUNCTION {TRIGGER}()"
            )
        )
        return
    for operation, who in (("INSERT", _NEW), ("UPDATE", _BOTH)):
        connection.exec_driver_sql(
            f"CREATE TRIGGER episode_{TRIGGER}_{operation.lower()} AFTER {operation} ON episode "
            f"BEGIN {_FOLLOW.format(who=who)}; END"
        )
