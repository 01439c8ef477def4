"""Room for heartbeats of workers, counters of decisions, and results of the nightly self-audit."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
TABLES_LAST_FIRST = ("self_audit", "audit_mark", "tally_mark", "decision_tally", "worker_heartbeat")
INVARIANTS = (
    "nothing_sent_after_its_end", "nothing_sent_at_a_wrong_time", "nothing_sent_twice", "nothing_due_left_unsent",
    "every_plan_equals_its_rebuild", "every_open_delivery_has_its_reminder",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "worker_heartbeat",
        sa.Column("worker_id", sa.String(length=64), nullable=False),
        sa.Column("started_at", UTC, nullable=False),
        sa.Column("ticked_at", UTC, nullable=False),
        sa.Column("stopped_at", UTC, nullable=True),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("pk_worker_heartbeat")),
    )
    op.create_table(
        "decision_tally",
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        of_practice("decision_tally"),
        sa.PrimaryKeyConstraint("practice_id", "kind", "reason", "channel", name=op.f("pk_decision_tally")),
    )
    op.create_table(
        "tally_mark",
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("decision_id", sa.String(length=64), nullable=False),
        of_practice("tally_mark"),
        sa.PrimaryKeyConstraint("practice_id", name=op.f("pk_tally_mark")),
    )
    op.create_table(
        "audit_mark",
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("began_at", UTC, nullable=True),
        sa.Column("audited_until", UTC, nullable=True),
        of_practice("audit_mark"),
        sa.PrimaryKeyConstraint("practice_id", name=op.f("pk_audit_mark")),
    )
    create_self_audit()
    quarantined = sa.text("state = 'quarantined'")
    op.create_index(
        "ix_delivery_quarantined",
        "delivery",
        ["finished_at"],
        postgresql_where=quarantined,
        sqlite_where=quarantined,
    )
    op.create_index(
        op.f("ix_delivery_attempt_practice_id_started_at"), "delivery_attempt", ["practice_id", "started_at"]
    )


def create_self_audit() -> None:
    op.create_table(
        "self_audit",
        sa.Column("ran_at", UTC, nullable=False),
        sa.Column(
            "invariant",
            sa.Enum(*INVARIANTS, name="invariant", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("checked", sa.Integer(), nullable=False),
        sa.Column("violations", sa.Integer(), nullable=False),
        sa.Column("examples", sa.JSON(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.CheckConstraint("violations >= 0", name=op.f("ck_self_audit_violations_from_0")),
        of_practice("self_audit"),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_self_audit")),
    )
    op.create_index(op.f("ix_self_audit_practice_id_ran_at"), "self_audit", ["practice_id", "ran_at"])


def of_practice(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["practice_id"],
        ["practice.id"],
        name=op.f(f"fk_{table}_practice_id"),
        initially="DEFERRED",
        deferrable=True,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_delivery_attempt_practice_id_started_at"), "delivery_attempt")
    op.drop_index("ix_delivery_quarantined", "delivery")
    for table in TABLES_LAST_FIRST:
        op.drop_table(table)
