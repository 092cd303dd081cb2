"""The nouns: what is read, and what was found in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from genops.lineage.sql.schema import SchemaProvider
    from genops.lineage.sql.understood import Understood


class Model(NamedTuple):
    """What dbt makes of the query of a model or a snapshot.

    Attributes:
        relation: Name of what is written, as the dialect spells it.
        kind: The statement that dbt writes it with.
        columns: Those that it has besides the query's.
        reads: Names of what it reads by dbt's own word, for a model whose query is not there or is no SQL.
    """

    relation: str
    kind: str
    columns: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


class Script(NamedTuple):
    """A text that is read by itself.

    Attributes:
        file: What it is called.
        text: Statements; of a model its query.
        dialect: What it is written in; empty where nobody said.
        model: What is made of it, where it is dbt's.
    """

    file: str
    text: str
    dialect: str = ""
    model: Model | None = None


class Known(NamedTuple):
    """Columns that a catalog tells.

    Attributes:
        relation: Name of the table, as the dialect spells it.
        dialect: That spells it.
        columns: In their order.
    """

    relation: str
    dialect: str
    columns: tuple[str, ...]


class Gathered(NamedTuple):
    """All that the command line names.

    Attributes:
        scripts: What is read, in the order in which it is shown.
        known: Columns of tables.
        notes: What was left out, and why.
    """

    scripts: tuple[Script, ...]
    known: tuple[Known, ...] = ()
    notes: tuple[str, ...] = ()


class Read(NamedTuple):
    """One statement.

    Attributes:
        file: Of the script.
        text: The statement's.
        dialect: It was read as.
        found: What it was found to be, with its place in the file as `index`.
    """

    file: str
    text: str
    dialect: str
    found: Understood


class Outcome(NamedTuple):
    """All statements, in the order in which they are shown.

    Attributes:
        statements: What was read.
        files: How many scripts there were, with those that hold no statement.
        schema: Knows the columns of tables, as after the last statement.
    """

    statements: tuple[Read, ...]
    files: int
    schema: SchemaProvider
