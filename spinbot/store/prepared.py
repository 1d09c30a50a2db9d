"""Statements compiled once and run on the driver itself: 0.02 ms each in place of SQLAlchemy's 0.1 ms.

For what every job and every node needs. The runner writes a transaction of three statements for each node; that is most
of what a node costs besides its call. SQLAlchemy still writes the SQL, for whichever database it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Engine, Insert, PoolProxiedConnection, Select, Table, bindparam, event, insert
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from spinbot.errors import StorageError
from spinbot.store.connection import encode, explained, unavailable
from spinbot.store.database import Json


class Prepared:
    """One statement whose parameters are given by name; those of JSON columns as Python values."""

    def __init__(self, engine: Engine, statement: ClauseElement) -> None:
        compiled = statement.compile(engine)
        assert isinstance(compiled, SQLCompiler)
        self._sql = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        given_as_json = {name for bind, name in compiled.bind_names.items() if bind.type is Json}
        names = compiled.bind_names.values() if compiled.positiontup is None else compiled.positiontup
        self._binds = [(name, name in given_as_json) for name in names]
        self._by_name = compiled.positiontup is None
        columns = list(statement.selected_columns) if isinstance(statement, Select) else []
        self.columns = [str(column.key) for column in columns]
        """Names of the values in a row."""
        self._json_columns = [place for place, column in enumerate(columns) if column.type is Json]

    def execute(self, cursor: DBAPICursor, values: dict[str, Any]) -> DBAPICursor:
        """Run it once; the cursor then has its rows."""
        cursor.execute(self._sql, self._bound(values))
        return cursor

    def execute_many(self, cursor: DBAPICursor, many: Iterable[dict[str, Any]]) -> None:
        """Run it once for each of `many`."""
        cursor.executemany(self._sql, [self._bound(values) for values in many])

    def rows(self, cursor: DBAPICursor, values: dict[str, Any]) -> list[list[Any]]:
        """Run a select, and read all its rows; those of JSON columns as Python values."""
        rows = [list(row) for row in self.execute(cursor, values).fetchall()]
        for row in rows:
            for place in self._json_columns:
                row[place] = read_json(row[place])
        return rows

    def _bound(self, values: dict[str, Any]) -> Any:
        given = self._constants | values if self._constants else values
        bound = [
            encode(given[name]) if is_json and given[name] is not None else given[name] for name, is_json in self._binds
        ]
        return dict(zip([name for name, _ in self._binds], bound, strict=True)) if self._by_name else bound


def adding(table: Table, *columns: str) -> Insert:
    """An insert of these columns, whose parameters are as `new` names them."""
    return insert(table).values({name: bindparam(f"new_{name}") for name in columns})


def new(row: dict[str, Any]) -> dict[str, Any]:
    """The values of a row by the names of parameters: those of columns are taken by SQLAlchemy itself."""
    return {f"new_{name}": value for name, value in row.items()}


def read_json(value: Any) -> Any:
    """A JSON column as the driver gives it: text from SQLite, already read by the others."""
    return from_json(value) if isinstance(value, str) else value


class Driver:
    """One connection of the database's driver, kept open: taking one from the pool costs 0.1 ms."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: PoolProxiedConnection | None = None
        event.listen(engine, "engine_disposed", self._close)

    @contextmanager
    def transaction(self) -> Iterator[DBAPICursor]:
        """A cursor whose statements are committed when the block ends well, and undone when not.

        Raises `StorageError` for what the database cannot do; the next transaction connects anew. Raises `InputError`
        for a value that it does not take.
        """
        dbapi = self._engine.dialect.loaded_dbapi
        kept, self._connection = self._connection, None
        try:
            connection = kept or self._engine.raw_connection()
        except dbapi.Error as error:
            raise unavailable(error) from error
        try:
            try:
                cursor = connection.cursor()
                yield cursor
                cursor.close()
                connection.commit()
            except BaseException:
                connection.rollback()
                self._connection = connection
                raise
        except (dbapi.Error, UnicodeEncodeError) as error:
            known = explained(error, dbapi) or unavailable(error)
            if isinstance(known, StorageError):
                self._connection = None
                connection.invalidate(error)
            raise known from error
        self._connection = connection

    def _close(self, _engine: Engine) -> None:
        kept, self._connection = self._connection, None
        if kept is not None:
            kept.detach()  # from a pool that is closed already
            kept.close()
