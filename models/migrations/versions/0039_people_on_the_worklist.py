"""Indexes by which a worklist reads of those alone who may need somebody: surgeries by day, patients who are gone."""

import sqlalchemy as sa
from alembic import op

revision = "0039_serves_0036"
down_revision = "0038_serves_0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_surgery_practice_id_surgery_on"), "surgery", ["practice_id", "surgery_on"])
    op.create_index(
        "ix_patient_gone",
        "patient",
        ["practice_id", "id"],
        sqlite_where=sa.text("died_on IS NOT NULL OR deleted IS 1"),
        postgresql_where=sa.text("died_on IS NOT NULL OR deleted IS true"),
    )


def downgrade() -> None:
    op.drop_index("ix_patient_gone", "patient")
    op.drop_index(op.f("ix_surgery_practice_id_surgery_on"), "surgery")
