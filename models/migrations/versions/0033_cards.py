"""A clinic's versions of the cards about daily life."""

import sqlalchemy as sa
from alembic import op

from models.row_security import secure_tables

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    language = sa.Enum("en", "es", name="language", native_enum=False, create_constraint=True, length=40)
    op.create_table(
        "card_version",
        sa.Column("card_id", sa.String(length=40), nullable=False),
        sa.Column("language", language, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        _id("created_by"),
        sa.Column("created_at", UTC, nullable=False),
        _id("signed_by", nullable=True),
        sa.Column("signed_at", UTC, nullable=True),
        _id("practice_id"),
        _id("id"),
        sa.CheckConstraint("version >= 1", name=op.f("ck_card_version_version_from_1")),
        sa.CheckConstraint("(signed_at IS NULL) = (signed_by IS NULL)", name=op.f("ck_card_version_signed_whole")),
        _refers_to(["practice_id"], "practice", "practice_id"),
        _refers_to(["practice_id", "created_by"], "staff", "practice_id_created_by"),
        _refers_to(["practice_id", "signed_by"], "staff", "practice_id_signed_by"),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_card_version")),
        sa.UniqueConstraint(
            *("practice_id", "card_id", "language", "version"),
            name=op.f("uq_card_version_practice_id_card_id_language_version"),
        ),
    )
    secure_tables(op.get_bind())


def downgrade() -> None:
    op.drop_table("card_version")


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=64), nullable=nullable)


def _refers_to(columns: list[str], table: str, name: str) -> sa.ForeignKeyConstraint:
    targets = [f"{table}.id"] if len(columns) == 1 else [f"{table}.practice_id", f"{table}.id"]
    return sa.ForeignKeyConstraint(
        columns, targets, name=op.f(f"fk_card_version_{name}"), initially="DEFERRED", deferrable=True
    )
