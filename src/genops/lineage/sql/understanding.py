"""From the text of a program to what its statements read, write and make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from genops.core.operation import Action
from genops.lineage.sql import guards, library, opaque, scripts, splitting
from genops.lineage.sql.cache import Cache, Entry, digest
from genops.lineage.sql.flows import flows
from genops.lineage.sql.folding import Folding
from genops.lineage.sql.preparation import marked, prepared
from genops.lineage.sql.reading import Reading, TooMuchError
from genops.lineage.sql.schema import NoSchema
from genops.lineage.sql.session import Known, Session, View
from genops.lineage.sql.statements import Kind, modifying, statement
from genops.lineage.sql.steps import run
from genops.lineage.sql.summary import summarize
from genops.lineage.sql.understood import Status, Table, Understood

if TYPE_CHECKING:
    from genops.lineage.sql.schema import SchemaProvider
    from genops.lineage.sql.syntax import Node

_cache = Cache()
_NO_SCHEMA = NoSchema()


def understand(
    text: str,
    dialect: str,
    schema: SchemaProvider | None = None,
    session: Session | None = None,
) -> tuple[Understood, ...]:
    """Return what the statements of a text read and write. Never raises, whatever the text.

    Args:
        text: One statement or several.
        dialect: One of `library.DIALECTS`, or another name of one.
        schema: Knows the columns of tables.
        session: What earlier statements left, and where these leave what they change; without one every text is a
            session of its own.
    """
    try:
        return _understood(text, dialect, schema or _NO_SCHEMA, session or Session())
    except Exception as fault:  # a statement that we cannot read is no reason for the program to stop
        return (_failed(0, Status.ERROR, type(fault).__name__),)


def _understood(text: str, dialect: str, schema: SchemaProvider, session: Session) -> tuple[Understood, ...]:
    spoken = library.known(dialect)
    if spoken is None:
        return (_failed(0, Status.ERROR, "dialect"),)
    version: object = getattr(schema, "version", 0)
    key = (digest(text), spoken, session.state.key, schema, version)
    entry = _cache.find(key)
    if entry is None:
        reason = guards.too_complex(text, spoken)
        if reason is not None:
            return (_failed(0, Status.TOO_COMPLEX, reason),)
        context = Context(spoken, schema, session)
        statements = tuple(_one(i, part, context) for i, part in enumerate(splitting.split(text, spoken)))
        entry = Entry(statements, session.state)
        _cache.keep(key, entry)
    session.state = entry.state
    return entry.statements


class Context(NamedTuple):
    """What a statement is understood with.

    Attributes:
        dialect: One of `library.DIALECTS`.
        schema: Knows the columns of tables.
        session: What earlier statements left.
    """

    dialect: str
    schema: SchemaProvider
    session: Session


def _one(index: int, text: str, context: Context) -> Understood:
    """Return what one statement comes to; a bad one does not spoil the others."""
    before = context.session.state
    try:
        made = _parsed(text, context)
    except RecursionError:
        made = _failed(index, Status.TOO_COMPLEX, "depth")
    except TooMuchError:
        made = _by_words(text, context, "size")._replace(status=Status.TOO_COMPLEX)
    except Exception as fault:
        made = _failed(index, Status.ERROR, type(fault).__name__)
    if made.status in {Status.TOO_COMPLEX, Status.ERROR}:
        context.session.state = before
    return made._replace(index=index, summary=summarize(made.kind, made.reads, made.writes))


def _parsed(text: str, context: Context) -> Understood:
    ready = prepared(text, context.dialect)
    parsed = library.parse(ready.text, context.dialect)
    if parsed.reason == "syntax" and "%" in ready.text:
        parsed = library.parse(marked(ready.text, context.dialect), context.dialect)
    tree: Node = parsed.tree
    if parsed.reason == "absent":
        return _failed(0, Status.ERROR, "absent")
    if parsed.reason == "depth":
        return _failed(0, Status.TOO_COMPLEX, "depth")
    if tree is None or tree.key == "command":
        return _by_words(text, context, parsed.reason)
    reading = Reading(Folding(context.dialect), Known(context.session, context.schema), modifying)
    kind: Kind | None = run(statement(reading, tree))
    if kind is None:
        return _by_words(text, context, "")
    if ready.place:
        kind = Kind("UNLOAD", Action.WRITE)
        table = reading.target((ready.place,))
        reading.written = [each._replace(table=table) for each in reading.written]
    return Understood(
        0,
        kind.name,
        Action.WRITE if reading.writes and kind.action is not Action.ADMIN else kind.action,
        Status.PARTIAL if reading.unresolved else Status.RESOLVED,
        tuple(reading.reads),
        tuple(reading.writes),
        flows(reading.written),
        tuple(reading.unresolved),
    )


def _by_words(text: str, context: Context, reason: str) -> Understood:
    """Return what the words of a statement tell that has no tree."""
    inner = scripts.script(text, context.dialect)
    if inner is not None:
        return _scripted(text, inner, context)
    return _by_words_alone(opaque.by_words(text, context.dialect), context, reason)


def _by_words_alone(words: opaque.Words, context: Context, reason: str) -> Understood:
    known = Known(context.session, context.schema)
    folded = Folding(context.dialect).table
    read, written = ([tuple(map(folded, table)) for table in tables] for tables in (words.reads, words.writes))
    views = {table: known.view(table) for table in (*read, *written)}
    reads = [table for name in read for table in _behind(name, views[name], known)]
    return Understood(
        0,
        words.kind,
        words.action,
        Status.OPAQUE if words.kind else Status.ERROR,
        tuple(dict.fromkeys(reads)),
        tuple(known.qualified(table) for table in written if views[table] is None),
        reason=reason or ("command" if words.kind else "syntax"),
    )


_CHANGED_ROWS = frozenset((("inserted",), ("deleted",), ("new",), ("old",)))
"""What a trigger calls the rows that are changed."""


def _scripted(text: str, script: scripts.Script, context: Context) -> Understood:
    """Return what the statements inside a statement come to together.

    What its own words name outside them, as the table of a trigger, belongs to it too.
    """
    words = opaque.by_words(text, context.dialect)
    session = Session()
    session.state = context.session.state
    inside = context._replace(session=session)
    made = [
        _by_words(each.text, inside, "") if each.expression else _parsed(each.text, inside) for each in script.pieces
    ]
    if words.kind.startswith("CREATE"):
        made.append(_by_words_alone(words, context, ""))
    rows = _CHANGED_ROWS if words.kind == "CREATE TRIGGER" else frozenset[Table]()
    reads = dict.fromkeys(table for each in made for table in each.reads if table[-1:] not in rows)
    writes = dict.fromkeys(table for each in made for table in each.writes)
    for table in writes:
        context.session.forget(table)
    whole = script.whole and all(each.tables_known for each in made[: len(script.pieces)])
    kind = words.kind or "BEGIN"
    writing = writes or not whole or kind.startswith("CREATE")
    action = Action.WRITE if writing else Action.QUERY if reads else Action.READ
    return Understood(
        0, kind, action, Status.OPAQUE, tuple(reads), tuple(writes), reason="command" if whole else "script"
    )


def _behind(table: Table, view: View | None, known: Known) -> tuple[Table, ...]:
    """Return the tables that a temporary view reads, or the full name of what is none."""
    return (known.qualified(table),) if view is None else view.reads


def _failed(index: int, status: Status, reason: str) -> Understood:
    return Understood(index, "", Action.WRITE, status, reason=reason)
