"""What a statement does and to which tables, by its words alone: for what a parser makes opaque or cannot take.

`heads` says what each kind of statement does and where its tables stand. What empties, changes or removes a
table counts as a write. What is not known here counts as a write too, of nothing that could be named.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from genops.core.operation import Action
from genops.lineage.sql import heads, redaction, tables
from genops.lineage.sql.lexing import COMMENT, TEXT, Lexeme, lexemes

MAX_SCANNED = 16_384
"""Characters of a statement that are looked at."""

_Table = tuple[str, ...]
_READ, _WRITE, _QUERY, _ADMIN = Action.READ, Action.WRITE, Action.QUERY, Action.ADMIN


class Words(NamedTuple):
    """What the words of a statement tell.

    Attributes:
        kind: What it does: `OPTIMIZE`, `CREATE TABLE AS`; empty where not even that is known.
        action: Class of the operation.
        reads: Tables read, each once.
        writes: Tables written, changed, emptied or removed, each once.
        keyword: Its first word where that is known, upper case; else empty.
    """

    kind: str
    action: Action
    reads: tuple[_Table, ...] = ()
    writes: tuple[_Table, ...] = ()
    keyword: str = ""


def by_words(statement: str, dialect: str) -> Words:
    """Return what a statement does and to which tables, without a parser. Never raises.

    Args:
        statement: One statement, however long; its first 16,384 characters are looked at.
        dialect: One of `library.DIALECTS`.

    >>> by_words("OPTIMIZE main.sales.orders WHERE day > '2024-01-01'", "databricks").writes
    (('main', 'sales', 'orders'),)
    """
    told = [one for one in lexemes(statement, dialect, MAX_SCANNED) if one.kind != COMMENT]
    if len(statement) > MAX_SCANNED:
        # A name that is cut is another name.
        del told[-_LONGEST_NAME:]
    first = told[0].text.upper() if told else ""
    return _moved(first, statement) if first in {"PUT", "GET"} else _understood(told, dialect)


_LONGEST_NAME = 8
_STAGE = re.compile(
    r"/\*.*?\*/|--[^\n]*|'(?P<quoted>@[\w.~%/$ -]+)'|'[^']*(?:'|$)|(?<!\S)(?P<bare>@[\w.~%/$-]+)", re.DOTALL
)


def _moved(keyword: str, statement: str) -> Words:
    """Return the stage between which and the caller's machine files are moved; their addresses are not quoted."""
    named = (found["quoted"] or found["bare"] for found in _STAGE.finditer(statement[:MAX_SCANNED]))
    stages = tuple((stage,) for stage in named if stage)[:1]
    return (
        Words(keyword, _WRITE, (), stages, keyword) if keyword == "PUT" else Words(keyword, _QUERY, stages, (), keyword)
    )


def _understood(told: list[Lexeme], dialect: str, *, inner: bool = True) -> Words:
    found = tables.Words(told, dialect)
    start = found.skip(0, frozenset(("(", ";")))
    keyword = found.at(start) if found.at(start) in heads.KEYWORDS else ""
    if keyword == "EXPLAIN":
        return _explained(told, found, start, dialect)
    if found.at(start) == "EXECUTE" and found.at(start + 1) == "IMMEDIATE" and inner:
        return _immediate(told, start, dialect)
    named = _Tables(found)
    if keyword == "WITH":
        start = named.main_verb(start)
    if keyword == "CREATE":
        return named.created(start)
    if keyword in {"GRANT", "REVOKE", "DENY"}:
        return named.granted(start)
    return named.by_rule(start, keyword)


def _explained(told: list[Lexeme], found: tables.Words, start: int, dialect: str) -> Words:
    """Return what an EXPLAIN names as read; with ANALYZE the statement in it runs."""
    after = start + 1
    while after < len(found) and found.at(after) not in heads.STATEMENT | {"WITH", "CREATE"}:
        after += 1
    runs = "ANALYZE" in found.upper[start:after]
    within = _understood(told[after:], dialect)
    if runs:
        return within._replace(kind="EXPLAIN ANALYZE", keyword="EXPLAIN")
    return Words("EXPLAIN", _QUERY, tuple(dict.fromkeys((*within.reads, *within.writes))), (), "EXPLAIN")


def _immediate(told: list[Lexeme], start: int, dialect: str) -> Words:
    """Return what the statement does that is executed from a literal; nothing is known of one from a variable."""
    text = told[start + 2] if start + 2 < len(told) else None
    inner = tables.content(text.text) if text is not None and text.kind == TEXT else None
    if inner is None or redaction.redact(inner, dialect).text is None:
        return Words("EXECUTE IMMEDIATE", _WRITE, keyword="EXECUTE")
    quoted = [one for one in lexemes(inner, dialect) if one.kind != COMMENT]
    within = _understood(quoted, dialect, inner=False)
    return within._replace(kind="EXECUTE IMMEDIATE", keyword="EXECUTE")


class _Tables:
    """Finds the tables of one statement."""

    def __init__(self, found: tables.Words) -> None:
        self.found = found
        self.reads: dict[_Table, None] = {}
        self.writes: dict[_Table, None] = {}
        self._not_tables: set[str] = set()

    def leave_out_named_queries(self) -> None:
        """Note the names of WITH, which are no tables."""
        at = self.found.at
        for index in range(1, len(self.found)):
            if at(index) == "AS" and (at(index + 1) == "(" or at(index + 1) in {"MATERIALIZED", "NOT"}):
                place = index - 1
                if at(place) == ")":
                    while place > 0 and at(place) != "(":
                        place -= 1
                    place -= 1
                table, _ = self.found.table(place, called=True)
                if table is not None and at(place - 1) in {"WITH", ",", "RECURSIVE"}:
                    self._not_tables.add(table[0].lower())

    def main_verb(self, index: int) -> int:
        """Return where the statement begins to which the named queries belong; what those read is taken."""
        self.leave_out_named_queries()
        self._scan(index)
        depth = 0
        while index < len(self.found):
            word = self.found.at(index)
            depth += (word == "(") - (word == ")")
            if depth == 0 and word in heads.STATEMENT:
                return index
            index += 1
        return index

    def by_rule(self, start: int, keyword: str) -> Words:
        """Return what the rule of the longest head says that fits."""
        for length in range(heads.LONGEST, 0, -1):
            rule = heads.RULES.get(tuple(self.found.upper[start : start + length]))
            if rule is not None:
                return self._ruled(rule, start, start + length, keyword)
        if keyword == "WITH":
            self._scan(start)
            return self._words("SELECT", _QUERY, keyword)
        return Words("", _WRITE, keyword=keyword)

    def _ruled(self, rule: heads.Rule, start: int, after: int, keyword: str) -> Words:
        scanned = start
        if rule.named:
            scanned = self._take(rule, after)
        if rule.scanned:
            self._scan(scanned, merging=rule.kind in {"MERGE", "MERGE INTO"})
            self._ends(rule.kind, start)
        kind, action = rule.kind, rule.action
        if kind in {"SELECT", "FROM"} and self.writes:
            kind, action = "SELECT INTO" if kind == "SELECT" else "INSERT", _WRITE
        return self._words(heads.SHORT.get(kind, kind), action, keyword)

    def _take(self, rule: heads.Rule, index: int) -> int:
        """Take the tables named after the head, and return what follows them."""
        taken = self.writes if rule.named == "writes" else self.reads
        index = self.found.skip(index, heads.BEFORE_NAME)
        while True:
            table, after = self.found.table(index, called=True)
            if table is not None and rule.kind == "COMMENT ON COLUMN":
                table = table[:-1] or None
            if table is not None:
                taken[table] = None
            if table is None or self.found.at(after) != "," or not rule.kind.startswith(("DROP", "TRUNCATE", "VACUUM")):
                return after
            index = after + 1

    def _ends(self, kind: str, start: int) -> None:
        """Take what is named at places of their own: places written to, names that a table is given."""
        if kind == "COPY" and self.found.at(start + 1) != "(":
            table, after = self.found.table(start + 1, called=True)
            reading = "TO" in self.found.upper[after:]
            if table is not None:
                (self.reads if reading else self.writes)[table] = None
        if kind in {"UNLOAD", "COPY", "ALTER TABLE", "RENAME TABLE", "ALTER VIEW"}:
            self._after_to(altered=kind.startswith("ALTER"))
        if kind == "ALTER TABLE":
            self._swapped()
        if kind in {"EXPORT DATA", "LOAD DATA"}:
            self._places(start, self.writes if kind == "EXPORT DATA" else self.reads)

    def _swapped(self) -> None:
        for index, word in enumerate(self.found.upper):
            before = self.found.at(index - 1)
            if (before, word) in {("SWAP", "WITH"), ("WITH", "TABLE"), ("DETACH", "PARTITION")}:
                self._add(self.found.table(index + 1)[0], self.writes)
            elif (before, word) == ("ATTACH", "PARTITION") or (word == "INHERIT" and index > 1):
                self._add(self.found.table(index + 1)[0], self.reads)

    def _after_to(self, *, altered: bool) -> None:
        """Take what stands after TO; where a table is altered, that may be an owner or a column as well."""
        for index, word in enumerate(self.found.upper):
            renamed = self.found.at(index - 1) == "RENAME"
            named = not altered or renamed or "SWITCH" in self.found.upper[:index]
            if word == "TO" and named and not (renamed and self.found.at(index + 2) == "("):
                self._add(self.found.table(index + 1)[0], self.writes)

    def _places(self, start: int, taken: dict[_Table, None]) -> None:
        """Take the address that data are exported to or loaded from."""
        for index in range(start, len(self.found)):
            if self.found.at(index) == "AS":
                return
            before = self.found.at(index - 2 - (self.found.at(index - 1) == "["))
            if self.found.lexemes[index].kind == TEXT and before in heads.ADDRESSES:
                self._add(self.found.table(index)[0], taken)

    def _add(self, table: _Table | None, taken: dict[_Table, None]) -> None:
        if table is not None and ".".join(table).lower() not in self._not_tables:
            taken[table] = None

    def _scan(self, index: int, *, merging: bool = False) -> None:
        """Take what stands after FROM, JOIN, INTO, OVERWRITE and, of a MERGE, USING."""
        brackets: list[str] = []
        while index < len(self.found):
            word = self.found.at(index)
            if word == "(":
                brackets.append(self.found.at(index - 1))
            elif word == ")" and brackets:
                brackets.pop()
            index = self._scanned(word, index, brackets, merging=merging)

    def _scanned(self, word: str, index: int, brackets: list[str], *, merging: bool) -> int:
        at = self.found.at
        if word == "FROM" and at(index - 1) == "DISTINCT":
            return index + 1
        if word == "FROM" and brackets and brackets[-1] in heads.FUNCTIONS_OF_FROM:
            return index + 1
        if word in {"FROM", "JOIN"} or (word == "USING" and merging):
            return self._list(index + 1)
        if word in {"INTO", "OVERWRITE"}:
            place = self.found.skip(index + 1, frozenset(("TABLE", "INTO", "LOCAL", "DIRECTORY", "OVERWRITE")))
            table, after = self.found.table(place, called=True)
            self._add(table, self.writes)
            return max(after, index + 1)
        if word == "IN" and at(index - 1) in {"COLUMNS", "INDEXES"}:
            self._add(self.found.table(index + 1)[0], self.reads)
        if (word, at(index - 1), at(index - 2)) == ("FOR", "STATS", "SHOW"):
            self._add(self.found.table(index + 1)[0], self.reads)
        if word == "INPATH":
            self._add(self.found.table(index + 1)[0], self.reads)
        if word == "TABLE" and at(index - 1) not in {"CREATE", "OVERWRITE", "INTO", "LAZY"} and at(index + 1) != "(":
            self._add(self.found.table(index + 1)[0], self.reads)
        return index + 1

    def _list(self, index: int) -> int:
        """Take the tables of a FROM, as far as they are named one after the other."""
        while True:
            while self.found.at(index) == "(" and self.found.at(index + 1) not in {"SELECT", "WITH", "VALUES", "FROM"}:
                index += 1
            table, after = self.found.table(index)
            self._add(table, self.reads)
            if table is None:
                return index
            index = self._alias(after)
            if self.found.at(index) != ",":
                return index
            index += 1

    def _alias(self, index: int) -> int:
        """Return what follows the other name of a table, where it has one."""
        if self.found.at(index) == "AS":
            return index + 2
        following = index + 1
        return following if self.found.at(following) == "," and self.found.at(index) not in {"(", ")", ","} else index

    def created(self, start: int) -> Words:
        """Return what a CREATE makes, and of what."""
        place = self.found.skip(start, heads.MODIFIERS)
        place += (self.found.at(place), self.found.at(place + 1)) == ("TABLE", "FUNCTION")
        kind = self.found.at(place)
        if kind == "FLOW":
            self._scan(place)
            return self._words("CREATE FLOW", _WRITE, "CREATE")
        if kind not in {"TABLE", "VIEW"} and self.found.at(place - 1) not in heads.SHAPES:
            return self._object(kind, place)
        name = self.found.skip(place + 1, frozenset(("IF", "NOT", "EXISTS")))
        table, after = self.found.table(name, called=True)
        if kind != "VIEW" or not {"TEMP", "TEMPORARY"} & set(self.found.upper[start:place]):
            self._add(table, self.writes)
        shape = next((word for word in self.found.upper[start:place] if word in heads.SHAPES), "")
        words_of_kind = ["CREATE", shape, kind] if shape else ["CREATE", kind]
        made = self._made_of(after)
        return self._words(" ".join(words_of_kind + ([made] if made and kind == "TABLE" else [])), _WRITE, "CREATE")

    def _object(self, kind: str, place: int) -> Words:
        """Return what a CREATE makes that is no table: a stream is made of one, a trigger changes one."""
        after = next((i for i in range(place, len(self.found)) if self.found.at(i) == "ON"), len(self.found))
        if kind == "STREAM":
            name = self.found.skip(place + 1, frozenset(("IF", "NOT", "EXISTS")))
            self._add(self.found.table(name)[0], self.writes)
            self._add(self.found.table(self.found.skip(after + 1, heads.OVER))[0], self.reads)
        elif heads.CHANGED_ON & set(self.found.upper[place:after]):
            to = next((i for i in range(after, len(self.found)) if self.found.at(i) == "TO"), after)
            name = self.found.skip((to if kind == "RULE" else after) + 1, heads.BEFORE_CHANGED)
            self._add(self.found.table(name, called=True)[0], self.writes)
        return self._words(f"CREATE {kind}".strip() if kind in heads.OBJECTS else "CREATE", _WRITE, "CREATE")

    def _made_of(self, index: int) -> str:
        """Take the tables that a new one is made of; return how: `AS`, `CLONE`, `LIKE`."""
        self.leave_out_named_queries()
        for place in range(index, len(self.found)):
            word = self.found.at(place)
            if word in {"CLONE", "LIKE", "COPY"}:
                self._add(self.found.table(place + 1)[0], self.reads)
                return word
            if word == "AS" and self.found.at(self.found.skip(place + 1, frozenset("("))) in heads.STATEMENT | {"WITH"}:
                self._scan(place)
                return "AS"
        return ""

    def granted(self, start: int) -> Words:
        """Return the table on which something is granted: its permissions change."""
        keyword = self.found.at(start)
        for index in range(start, len(self.found)):
            if self.found.at(index) == "ON":
                place = self.found.skip(index + 1, heads.SECURABLES)
                if place > index + 1 or self.found.at(place) not in heads.BUT_TABLES:
                    self._add(self.found.table(place, called=True)[0], self.writes)
                break
        return self._words(keyword, _ADMIN, keyword)

    def _words(self, kind: str, action: Action, keyword: str) -> Words:
        return Words(kind, action, tuple(self.reads), tuple(self.writes), keyword)
