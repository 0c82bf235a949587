"""The types of the ledger's columns: text ordered by its bytes and numbers of 64 bits, on both databases."""

from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, MetaData, TypeDecorator, types

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite knows autoincrement keys only as INTEGER, which has 64 bits there.
LONG = BigInteger().with_variant(Integer, "sqlite")


def storable(text: str) -> str:
    """Return text that both databases take: PostgreSQL refuses NUL characters, which titles read from PDFs may have."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in text else text


class _Storable(TypeDecorator[str]):
    """Text as it is kept."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class String(_Storable):
    """A word: an id, a name, a path."""

    impl = types.String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return types.String(collation="C" if dialect.name == "postgresql" else None)


class Text(_Storable):
    """Words."""

    impl = types.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return types.Text(collation="C" if dialect.name == "postgresql" else None)
