"""Alembic revisions, applied by `npsight.store.migrate`."""
