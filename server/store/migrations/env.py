"""Alembic's entry: run the migrations over the connection that `Database.migrate` hands in."""

from alembic import context

# Their tables belong to the same metadata.
from server.store import learn_tables, rollout_tables, tuning_tables  # noqa: F401
from server.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
