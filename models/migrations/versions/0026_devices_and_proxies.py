"""What a device's tokens succeed, devices that were lost, and proxies with the consents that let them in."""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_words
from models.row_security import secure_tables

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
ACTORS = ("staff", "device", "link", "worker", "command", "provider", "service")
MORE_ACTORS = (*ACTORS, "proxy")
ADDED = (
    "token.succeeds_id VARCHAR(64)",
    "device.lost_at {instant}",
    "device.wipe_told_at {instant}",
    "device.wiped_at {instant}",
    "device.proxy_consent_id VARCHAR(64)",
    "enrolment_code.proxy_consent_id VARCHAR(64)",
    "check_in.proxy_consent_id VARCHAR(64)",
    "questionnaire_answer.proxy_consent_id VARCHAR(64)",
)
RELATIONSHIPS = ("partner", "parent", "child", "relative", "friend", "paid_carer", "legal_representative")
MEANS = ("in_person", "by_phone", "signed_form", "legal_document")
ENDS = ("by_patient", "by_clinic", "expired", "patient_died", "patient_withdrew")


def upgrade() -> None:
    instant = UTC.compile(op.get_bind().dialect)
    for each in ADDED:
        table, column = each.split(".", 1)
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column.format(instant=instant)}")
    change_words("audit_entry", "actor_kind", ("actorkind", ACTORS), ("actorkind", MORE_ACTORS))
    _proxy_consent()
    secure_tables(op.get_bind())


def downgrade() -> None:
    # The release before would take a proxy's phone for the patient's own.
    is_of_proxy = "SELECT id FROM device WHERE proxy_consent_id IS NOT NULL AND device.practice_id = token.practice_id"
    now = "CURRENT_TIMESTAMP"
    op.execute(f"UPDATE token SET revoked_at = coalesce(revoked_at, {now}) WHERE device_id IN ({is_of_proxy})")  # noqa: S608 - nobody's value
    for table, column in (("device", "revoked_at"), ("enrolment_code", "used_at")):
        op.execute(f"UPDATE {table} SET {column} = coalesce({column}, {now}) WHERE proxy_consent_id IS NOT NULL")  # noqa: S608 - as above
    op.drop_table("proxy_consent")
    # Where a proxy did something, PostgreSQL refuses: that entry cannot be told without the word.
    change_words("audit_entry", "actor_kind", ("actorkind", MORE_ACTORS), ("actorkind", ACTORS))
    for each in reversed(ADDED):
        table, column = each.split(".", 1)
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column.split(' ')[0]}")


def _proxy_consent() -> None:
    op.create_table(
        "proxy_consent",
        sa.Column("patient_id", sa.String(64), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        _word("relationship", "relationship", RELATIONSHIPS),
        sa.Column("scopes", sa.JSON(), nullable=False),
        _word("given_how", "consentmeans", MEANS),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(64), nullable=False),
        sa.Column("recorded_at", UTC, nullable=False),
        sa.Column("ends_at", UTC, nullable=False),
        sa.Column("ended_at", UTC),
        _word("ended_how", "consentend", ENDS, nullable=True),
        sa.Column("practice_id", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_how IS NULL)", name=op.f("ck_proxy_consent_end_is_whole")),
        _refers(("practice_id",), "practice", ("id",)),
        _refers(("practice_id", "patient_id"), "patient", ("practice_id", "id")),
        _refers(("practice_id", "recorded_by"), "staff", ("practice_id", "id")),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_proxy_consent")),
    )
    op.create_index(op.f("ix_proxy_consent_practice_id_patient_id"), "proxy_consent", ["practice_id", "patient_id"])


def _word(column: str, name: str, words: tuple[str, ...], *, nullable: bool = False) -> "sa.Column[str]":
    kind = sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)
    return sa.Column(column, kind, nullable=nullable)


def _refers(columns: tuple[str, ...], table: str, keys: tuple[str, ...]) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_proxy_consent_{'_'.join(columns)}")
    refers_to = [f"{table}.{key}" for key in keys]
    return sa.ForeignKeyConstraint(columns, refers_to, name=name, initially="DEFERRED", deferrable=True)
