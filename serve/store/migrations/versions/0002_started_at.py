"""When a job was started first, for the limit of its running time."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; jobs that run already count from their next attempt on."""
    op.add_column("jobs", sa.Column("started_at", sa.String(), nullable=True))


def downgrade() -> None:
    """Remove the column."""
    op.drop_column("jobs", "started_at")
