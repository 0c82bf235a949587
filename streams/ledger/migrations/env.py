"""Alembic's environment: runs inside the transaction that streams.ledger.migrate opened."""

from alembic import context

from streams.ledger.indexes import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
