"""How far a practice's audit trail was proved, and its entries by patient in their order."""

import sqlalchemy as sa
from alembic import op

from models.migration_steps import change_words

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SENDS = (
    "nothing_sent_after_its_end",
    "nothing_sent_at_a_wrong_time",
    "nothing_sent_twice",
    "nothing_due_left_unsent",
    "every_plan_equals_its_rebuild",
    "every_open_delivery_has_its_reminder",
)
OLD, NEW = ("invariant", SENDS), ("invariant", (*SENDS, "audit_trail_is_unbroken"))
INDEX = "ix_audit_subject_practice_id_patient_id"


def upgrade() -> None:
    binary = sa.LargeBinary().compile(op.get_bind().dialect)
    op.execute("ALTER TABLE audit_mark ADD COLUMN proved_link BIGINT DEFAULT 0 NOT NULL")
    op.execute(f"ALTER TABLE audit_mark ADD COLUMN proved_digest {binary}")
    change_words("self_audit", "invariant", OLD, NEW)
    op.create_index(f"{INDEX}_entry_id", "audit_subject", ["practice_id", "patient_id", "entry_id"])
    op.drop_index(INDEX, "audit_subject")


def downgrade() -> None:
    op.create_index(INDEX, "audit_subject", ["practice_id", "patient_id"])
    op.drop_index(f"{INDEX}_entry_id", "audit_subject")
    op.execute("DELETE FROM self_audit WHERE invariant = 'audit_trail_is_unbroken'")
    change_words("self_audit", "invariant", NEW, OLD)
    op.execute("ALTER TABLE audit_mark DROP COLUMN proved_digest")
    op.execute("ALTER TABLE audit_mark DROP COLUMN proved_link")
