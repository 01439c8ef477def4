"""Roles that treat nobody: auditors, who read who did what, and operators, who see whether the service runs."""

from alembic import op

from models.migration_steps import change_words

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ROLES = ("practice_admin", "clinician", "coordinator")
MORE_ROLES = (*ROLES, "auditor", "operator")


def upgrade() -> None:
    change_words("staff", "role", ("staffrole", ROLES), ("staffrole", MORE_ROLES))


def downgrade() -> None:
    # No older role is as narrow: whoever has a new one is disabled.
    op.execute(
        "UPDATE staff SET role = 'coordinator', disabled_at = coalesce(disabled_at, CURRENT_TIMESTAMP) "
        "WHERE role IN ('auditor', 'operator')"
    )
    change_words("staff", "role", ("staffrole", MORE_ROLES), ("staffrole", ROLES))
