"""Names of tables, paths and stages among the lexemes of a statement."""

from __future__ import annotations

from collections.abc import Sequence

from genops.lineage.sql.lexing import NAME, NUMBER, SIGN, TEXT, WORD, Lexeme, words

_UNNAMED = words(
    "SELECT FROM WHERE SET VALUES LATERAL UNNEST ON USING WITH WHEN AS GROUP ORDER HAVING UNION JOIN LEFT RIGHT "
    "FULL INNER CROSS NATURAL LIMIT CASE END TO INTO OVERWRITE PIVOT UNPIVOT ALL IF NOT EXISTS DIRECTORY NULL "
    "FLATTEN"
)
_AFTER_STAGE = frozenset("();,")
_QUOTED_LITERALS = "'\""


class Words:
    """The lexemes of a statement, comments apart, and what stands at a place among them.

    Args:
        lexemes: Its lexemes.
        dialect: One of `library.DIALECTS`.

    Attributes:
        lexemes: The same.
        upper: Words in upper case, signs as they are, and an empty string for everything else.
    """

    def __init__(self, lexemes: Sequence[Lexeme], dialect: str) -> None:
        self.lexemes = lexemes
        self.dialect = dialect
        self.upper = [one.text.upper() if one.kind == WORD else one.text if one.kind == SIGN else "" for one in lexemes]

    def __len__(self) -> int:
        return len(self.lexemes)

    def at(self, index: int) -> str:
        """Return the word or sign at a place; an empty string beyond the end and for literals and quoted names."""
        return self.upper[index] if 0 <= index < len(self.upper) else ""

    def skip(self, index: int, skipped: frozenset[str]) -> int:
        """Return the first place from `index` on that holds none of these words."""
        while self.at(index) in skipped and index < len(self):
            index += 1
        return index

    def table(self, index: int, *, called: bool = False) -> tuple[tuple[str, ...] | None, int]:
        """Return the table, path or stage that is named at a place, and what follows it.

        Args:
            index: The place.
            called: Whether a bracket may follow the name, as in `INSERT INTO t (a)`; else that is a function.
        """
        if index >= len(self):
            return None, index
        first = self.lexemes[index]
        if first.kind == TEXT:
            place = literal(first.text)
            return ((place,) if "://" in place or place.startswith("/") else None), index + 1
        if self.upper[index] == "@":
            return self._stage(index)
        if self.upper[index] in {"STREAM", "IDENTIFIER", "TABLE", "LIVE"} and self.at(index + 1) == "(":
            return self._wrapped(index)
        if self.upper[index] in {"STREAM", "ONLY"} and self._named(index + 1):
            index += 1
        return self._dotted(index, called=called)

    def _named(self, index: int) -> bool:
        if index >= len(self):
            return False
        kind = self.lexemes[index].kind
        return kind == NAME or (kind == WORD and self.upper[index] not in _UNNAMED)

    def _wrapped(self, index: int) -> tuple[tuple[str, ...] | None, int]:
        """Return what `STREAM(t)` or `IDENTIFIER('a.b')` names."""
        inner = index + 2
        if self.upper[index] == "IDENTIFIER":
            text = self.lexemes[inner].text if inner < len(self) and self.lexemes[inner].kind == TEXT else ""
            parts = tuple(part.strip('`" ') for part in literal(text).split(".")) if text else ()
            return parts if parts and all(parts) else None, inner + 2
        table, after = self.table(inner)
        return table, after + (self.at(after) == ")")

    def _stage(self, index: int) -> tuple[tuple[str, ...] | None, int]:
        """Return a stage of Snowflake with its path, up to the next blank or bracket."""
        end = index + 1
        while (
            end < len(self)
            and self.lexemes[end].start == self.lexemes[end - 1].end
            and self.at(end) not in _AFTER_STAGE
        ):
            end += 1
        return ("".join(one.text for one in self.lexemes[index:end]),), end

    def _dotted(self, index: int, *, called: bool) -> tuple[tuple[str, ...] | None, int]:
        if not self._named(index):
            return None, index
        parts = self._part(index)
        index += 1
        while index < len(self):
            if self.at(index) == ".":
                index += 1
                if index < len(self) and self.lexemes[index].kind in {WORD, NAME}:
                    parts += self._part(index)
                    index += 1
            elif self.lexemes[index].kind == NUMBER and self.lexemes[index].text.startswith("."):
                parts += (self.lexemes[index].text[1:],)
                index += 1
            elif self.dialect == "bigquery" and self.at(index) == "-" and self._touching(index):
                parts = (*parts[:-1], f"{parts[-1]}-{self.lexemes[index + 1].text}")
                index += 2
            else:
                break
        if self.at(index) == "(" and not called:
            return self._read_by(parts[-1], index)
        return parts, index

    def _read_by(self, function: str, index: int) -> tuple[tuple[str, ...] | None, int]:
        """Return the place that a function reads, where it is one of `read_files('s3://b/x')` and its like."""
        reads = function.upper().startswith("READ_") or function.upper() in {"CLOUD_FILES", "PARQUET_SCAN"}
        if reads and index + 1 < len(self) and self.lexemes[index + 1].kind == TEXT:
            return self.table(index + 1)
        return None, index

    def _touching(self, index: int) -> bool:
        """Whether a sign stands between two words without blanks, as in a project's name."""
        if index + 1 >= len(self):
            return False
        before, sign, after = self.lexemes[index - 1 : index + 2]
        return before.end == sign.start and sign.end == after.start and after.kind in {WORD, NUMBER}

    def _part(self, index: int) -> tuple[str, ...]:
        one = self.lexemes[index]
        if one.kind != NAME:
            return (one.text,)
        quote = one.text[-1]
        inner = one.text[one.text.index("[" if quote == "]" else quote) + 1 : -1].replace(quote * 2, quote)
        # BigQuery takes a whole name in one pair of quotes.
        return tuple(inner.split(".")) if self.dialect == "bigquery" and "/" not in inner else (inner,)


def content(text: str) -> str | None:
    """Return the text that a string literal stands for, perhaps a statement; `None` where that is not plain to see.

    >>> content("'SELECT ''a'' AS b'"), content("$$SELECT 'a'$$"), content("r'a'")
    ("SELECT 'a' AS b", "SELECT 'a'", None)
    """
    if text.startswith("$$"):
        return text[2:-2]
    quote = text[0]
    if quote not in _QUOTED_LITERALS or text.startswith(quote * 3) or "\\" in text:
        return None
    return text[1:-1].replace(quote * 2, quote)


def literal(text: str) -> str:
    """Return what a string literal holds, as far as it is written plainly; an empty string for other literals."""
    start = min((text.find(quote) for quote in _QUOTED_LITERALS if quote in text), default=-1)
    return text[start + 1 : -1] if start >= 0 else ""
