"""Patients' releases, the work-status letters that left under them, and the addresses of calendars."""

import sqlalchemy as sa
from alembic import op

from models.row_security import secure_tables
from models.triggers import IS_ERASED, create_partial_guard

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
TABLES = ("letter_release", "letter", "calendar_feed")


def upgrade() -> None:
    _letter_release()
    _letter()
    _calendar_feed()
    create_partial_guard(op.get_bind(), "letter", IS_ERASED)
    secure_tables(op.get_bind())


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION guard_letter()")


def _letter_release() -> None:
    op.create_table(
        "letter_release",
        _id("patient_id"),
        _id("episode_id"),
        _word("recipient", "recipient", "employer", "carrier"),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("claim_number_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("injured_on", sa.Date(), nullable=True),
        sa.Column("tells_diagnosis", sa.Boolean(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("valid_through_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", UTC, nullable=False),
        _id("recorded_by"),
        sa.Column("revoked_at", UTC, nullable=True),
        _word("revoked_by", "reporter", "patient", "staff", nullable=True),
        sa.CheckConstraint("valid_through_on >= signed_on", name=op.f("ck_letter_release_ends_after_it_is_signed")),
        sa.CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name=op.f("ck_letter_release_revoked_whole")),
        *_tenant("letter_release", patient_id="patient", episode_id="episode", recorded_by="staff"),
    )


def _letter() -> None:
    op.create_table(
        "letter",
        _id("patient_id"),
        _id("episode_id"),
        _id("release_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        _word("language", "language", "en", "es"),
        _word("status", "workstatus", "without_restrictions", "with_restrictions", "prevented"),
        sa.Column("status_on", sa.Date(), nullable=False),
        sa.Column("made_at", UTC, nullable=False),
        _id("made_by"),
        sa.Column("facts_digest", sa.String(length=64), nullable=False),
        sa.Column("pdf_digest", sa.String(length=64), nullable=False),
        sa.Column("pdf_sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_letter_number_from_1")),
        sa.UniqueConstraint(
            "practice_id", "episode_id", "number", name=op.f("uq_letter_practice_id_episode_id_number")
        ),
        *_tenant("letter", patient_id="patient", episode_id="episode", release_id="letter_release", made_by="staff"),
    )


def _calendar_feed() -> None:
    op.create_table(
        "calendar_feed",
        _id("patient_id"),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UTC, nullable=False),
        _word("made_by", "reporter", "patient", "staff"),
        sa.Column("revoked_at", UTC, nullable=True),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feed_token_hash")),
        sa.UniqueConstraint("practice_id", "patient_id", name=op.f("uq_calendar_feed_practice_id_patient_id")),
        *_tenant("calendar_feed", patient_id="patient"),
    )


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=64), nullable=nullable)


def _word(column: str, name: str, *words: str, nullable: bool = False) -> sa.Column[str]:
    vocabulary = sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)
    return sa.Column(column, vocabulary, nullable=nullable)


def _tenant(table: str, **references: str) -> tuple[sa.Column[str] | sa.Constraint, ...]:
    """Return the key of a table and what it refers to, by column."""
    keys = (
        sa.ForeignKeyConstraint(
            ["practice_id", column],
            [f"{target}.practice_id", f"{target}.id"],
            name=op.f(f"fk_{table}_practice_id_{column}"),
            initially="DEFERRED",
            deferrable=True,
        )
        for column, target in references.items()
    )
    practice = sa.ForeignKeyConstraint(
        ["practice_id"], ["practice.id"], name=op.f(f"fk_{table}_practice_id"), initially="DEFERRED", deferrable=True
    )
    key = sa.PrimaryKeyConstraint("practice_id", "id", name=op.f(f"pk_{table}"))
    return (_id("practice_id"), _id("id"), practice, *keys, key)
