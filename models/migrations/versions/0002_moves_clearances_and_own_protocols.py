"""Room for moves, clearances, personal items before surgery, and a clinic's own protocols."""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_words, unguarded
from models.triggers import create_triggers

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
GUARDED = ("clearance", "observed_fact", "plan_change", "slot_entry")
TABLES_LAST_FIRST = (
    "slot_entry", "clearance", "observed_fact", "plan_change", "protocol_version", "protocol_signature",
    "clearance_rule",
)  # fmt: skip
ADDED = (
    "practice.holiday_calendar VARCHAR(16)",
    "practice.opioid_free_hours INTEGER CONSTRAINT ck_practice_opioid_free_hours_from_1 CHECK (opioid_free_hours >= 1)",
    (
        "practice.workers_comp_percent INTEGER DEFAULT '100' NOT NULL "
        "CONSTRAINT ck_practice_workers_comp_never_shortens CHECK (workers_comp_percent >= 100)"
    ),
    "practice.work_table JSON",
    "surgery.former_dates JSON DEFAULT '{}' NOT NULL",
    "milestone.binding_stage INTEGER DEFAULT '1' NOT NULL",
    "milestone.superseded_on DATE",
    "milestone.superseded_by INTEGER",
    "restriction.binding_stage INTEGER DEFAULT '1' NOT NULL",
    "restriction.lifted_by_occurrence INTEGER",
    "restriction.limit_minutes INTEGER",
    "reminder.digest_in VARCHAR(64)",
    "delivery.is_correction BOOLEAN DEFAULT false NOT NULL",
)
SKIP_REASONS = ("patient_declined", "not_applicable", "died", "surgery_cancelled", "transferred", "other")
CANCEL_REASONS = ("surgery_cancelled", "not_applicable", "merged", "protocol_changed")
TASKS = ("confirm_surgery", "past_items", "fill_slot", "arrival_time")


def upgrade() -> None:
    op.create_table(
        "clearance_rule",
        sa.Column("milestone_kind", sa.String(length=40), nullable=False),
        sa.Column("protocol_id", sa.String(length=40), nullable=True),
        sa.Column("signed_by", sa.String(length=64), nullable=False),
        sa.Column("signed_at", UTC, nullable=False),
        sa.Column("retired_by", sa.String(length=64), nullable=True),
        sa.Column("retired_at", UTC, nullable=True),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "retired_by"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_clearance_rule_practice_id_retired_by"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "signed_by"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_clearance_rule_practice_id_signed_by"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_clearance_rule_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_clearance_rule")),
    )
    op.create_table(
        "protocol_signature",
        sa.Column("protocol_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("signed_by", sa.String(length=64), nullable=False),
        sa.Column("signed_at", UTC, nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "signed_by"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_protocol_signature_practice_id_signed_by"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_protocol_signature_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_protocol_signature")),
        sa.UniqueConstraint(
            "practice_id",
            "protocol_id",
            "version",
            "digest",
            name=op.f("uq_protocol_signature_practice_id_protocol_id_version_digest"),
        ),
    )
    op.create_table(
        "protocol_version",
        sa.Column("protocol_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("toml", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "signed",
                "released",
                "retired",
                name="versionstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("based_on_id", sa.String(length=40), nullable=True),
        sa.Column("based_on_version", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("released_at", UTC, nullable=True),
        sa.Column("retired_at", UTC, nullable=True),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_protocol_version_version_from_1")),
        sa.ForeignKeyConstraint(
            ["practice_id", "created_by"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_protocol_version_practice_id_created_by"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_protocol_version_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_protocol_version")),
        sa.UniqueConstraint(
            "practice_id", "protocol_id", "version", name=op.f("uq_protocol_version_practice_id_protocol_id_version")
        ),
    )
    op.create_table(
        "plan_change",
        sa.Column("episode_id", sa.String(length=64), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "clinic_schedule",
                "patient_request",
                "medical",
                "converted_in_theatre",
                "entry_corrected",
                "other",
                name="movereason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason_text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.Column("changed_at", UTC, nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "changed_by"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_plan_change_practice_id_changed_by"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "episode_id"],
            ["episode.practice_id", "episode.id"],
            name=op.f("fk_plan_change_practice_id_episode_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_plan_change_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_plan_change_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_plan_change")),
    )
    op.create_index(
        op.f("ix_plan_change_practice_id_episode_id"), "plan_change", ["practice_id", "episode_id"], unique=False
    )
    op.create_index(
        op.f("ix_plan_change_practice_id_patient_id_rev_id"),
        "plan_change",
        ["practice_id", "patient_id", "rev", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_plan_change_practice_id_rev_id"), "plan_change", ["practice_id", "rev", "id"], unique=False
    )

    op.create_table(
        "observed_fact",
        sa.Column("episode_id", sa.String(length=64), nullable=False),
        sa.Column("surgery_id", sa.String(length=64), nullable=True),
        sa.Column(
            "what",
            sa.Enum(
                "opioid_taken",
                "sedative_taken",
                "xray_ordered",
                "xray_done",
                "xray_satisfactory",
                "xray_unsatisfactory",
                "wound_closed",
                "wound_open",
                "collar_off",
                "collar_on",
                "emergency_stop_able",
                "emergency_stop_unable",
                "motor_deficit_absent",
                "motor_deficit_present",
                name="observation",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("observed_at", UTC, nullable=False),
        sa.Column("recorded_at", UTC, nullable=False),
        sa.Column(
            "reported_by",
            sa.Enum("patient", "staff", name="reporter", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("recorded_by", sa.String(length=64), nullable=True),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "episode_id"],
            ["episode.practice_id", "episode.id"],
            name=op.f("fk_observed_fact_practice_id_episode_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_observed_fact_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "recorded_by"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_observed_fact_practice_id_recorded_by"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "surgery_id"],
            ["surgery.practice_id", "surgery.id"],
            name=op.f("fk_observed_fact_practice_id_surgery_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_observed_fact_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_observed_fact")),
    )
    op.create_index(
        op.f("ix_observed_fact_practice_id_episode_id"), "observed_fact", ["practice_id", "episode_id"], unique=False
    )
    op.create_index(
        op.f("ix_observed_fact_practice_id_patient_id_rev_id"),
        "observed_fact",
        ["practice_id", "patient_id", "rev", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_observed_fact_practice_id_rev_id"), "observed_fact", ["practice_id", "rev", "id"], unique=False
    )

    op.create_table(
        "clearance",
        sa.Column("episode_id", sa.String(length=64), nullable=False),
        sa.Column("milestone_id", sa.String(length=64), nullable=False),
        sa.Column("cleared_on", sa.Date(), nullable=False),
        sa.Column("cleared_at", UTC, nullable=False),
        sa.Column("cleared_by", sa.String(length=64), nullable=True),
        sa.Column("rule_id", sa.String(length=64), nullable=True),
        sa.Column(
            "work_class",
            sa.Enum(
                "sedentary",
                "light",
                "medium",
                "heavy",
                "very_heavy",
                "not_working",
                name="workclass",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("grounds", sa.JSON(), nullable=False),
        sa.Column("override_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("revoked_on", sa.Date(), nullable=True),
        sa.Column("revoked_at", UTC, nullable=True),
        sa.Column("revoked_by", sa.String(length=64), nullable=True),
        sa.Column("revoked_because_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.CheckConstraint("(cleared_by IS NULL) <> (rule_id IS NULL)", name=op.f("ck_clearance_by_person_or_rule")),
        sa.CheckConstraint("(revoked_on IS NULL) = (revoked_at IS NULL)", name=op.f("ck_clearance_revoked_whole")),
        sa.CheckConstraint(
            "(revoked_on IS NULL) = (revoked_by IS NULL)", name=op.f("ck_clearance_revoked_by_somebody")
        ),
        sa.CheckConstraint("revoked_on >= cleared_on", name=op.f("ck_clearance_revoked_after_cleared")),
        sa.ForeignKeyConstraint(
            ["practice_id", "cleared_by"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_clearance_practice_id_cleared_by"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "episode_id"],
            ["episode.practice_id", "episode.id"],
            name=op.f("fk_clearance_practice_id_episode_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "milestone_id"],
            ["milestone.practice_id", "milestone.id"],
            name=op.f("fk_clearance_practice_id_milestone_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_clearance_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "revoked_by"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_clearance_practice_id_revoked_by"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "rule_id"],
            ["clearance_rule.practice_id", "clearance_rule.id"],
            name=op.f("fk_clearance_practice_id_rule_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_clearance_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_clearance")),
    )
    op.create_index(
        op.f("ix_clearance_practice_id_milestone_id"), "clearance", ["practice_id", "milestone_id"], unique=False
    )
    op.create_index(
        op.f("ix_clearance_practice_id_patient_id_rev_id"),
        "clearance",
        ["practice_id", "patient_id", "rev", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_clearance_practice_id_rev_id"), "clearance", ["practice_id", "rev", "id"], unique=False)

    op.create_table(
        "slot_entry",
        sa.Column("for_day0", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("instruction_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("entered_by", sa.String(length=64), nullable=False),
        sa.Column("entered_at", UTC, nullable=False),
        sa.Column("signed_by", sa.String(length=64), nullable=True),
        sa.Column("signed_at", UTC, nullable=True),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "entered_by"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_slot_entry_practice_id_entered_by"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "id"],
            ["milestone.practice_id", "milestone.id"],
            name=op.f("fk_slot_entry_practice_id_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_slot_entry_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "signed_by"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_slot_entry_practice_id_signed_by"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_slot_entry_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_slot_entry")),
    )
    op.create_index(
        op.f("ix_slot_entry_practice_id_patient_id_rev_id"),
        "slot_entry",
        ["practice_id", "patient_id", "rev", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_slot_entry_practice_id_rev_id"), "slot_entry", ["practice_id", "rev", "id"], unique=False)

    for each in ADDED:
        table, column = each.split(".", 1)
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    for table in ("milestone", "restriction"):
        change_words(table, "cancel_reason", ("skipreason", SKIP_REASONS), ("cancelreason", CANCEL_REASONS))
        _bind_to_own_stage(table)
    change_words("task", "kind", ("taskkind", TASKS), ("taskkind", (*TASKS, "call_patient")))
    for table in GUARDED:
        create_triggers(op.get_bind(), table)


def downgrade() -> None:
    with unguarded("task"):
        op.execute("UPDATE task SET kind = 'confirm_surgery' WHERE kind = 'call_patient'")
    change_words("task", "kind", ("taskkind", (*TASKS, "call_patient")), ("taskkind", TASKS))
    for table in ("milestone", "restriction"):
        with unguarded(table):
            gone = sa.column("cancel_reason").in_(("merged", "protocol_changed"))
            rows = sa.table(table, sa.column("cancel_reason"))
            op.execute(rows.update().where(gone).values(cancel_reason="not_applicable"))
        change_words(table, "cancel_reason", ("cancelreason", CANCEL_REASONS), ("skipreason", SKIP_REASONS))
    for each in reversed(ADDED):
        table, column = each.split(".", 1)
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column.split(' ')[0]}")
    for table in TABLES_LAST_FIRST:
        op.drop_table(table)


def _bind_to_own_stage(table: str) -> None:
    """Say of the rows that stand that their own stage binds: until now every stage was planned alone."""
    with unguarded(table):
        rows = sa.table(table, sa.column("binding_stage"), sa.column("occurrence"))
        op.execute(rows.update().values(binding_stage=rows.c.occurrence))
