"""The history of the job store's tables, for Alembic: one file in `versions` a step."""
