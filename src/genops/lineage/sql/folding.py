"""When two spellings of an identifier mean the same."""

from __future__ import annotations

from typing import NamedTuple

_EXACT_WHERE_QUOTED = frozenset(("postgres", "redshift", "snowflake", "oracle"))
_UPPER_UNQUOTED = frozenset(("snowflake", "oracle"))
_EXACT_TABLES = frozenset(("bigquery",))


class Folding(NamedTuple):
    """The rules of one dialect. Lineage shows what has no case of its own in lower case.

    Args:
        dialect: Name of the dialect, lower case.
    """

    dialect: str

    def column(self, text: str, *, quoted: bool = True) -> str:
        """Return the name of a column, an alias or a common table expression.

        >>> Folding("databricks").column("Email"), Folding("postgres").column("Email")
        ('email', 'Email')
        """
        if not quoted or self.dialect not in _EXACT_WHERE_QUOTED:
            return text.lower()
        return text.lower() if self.dialect in _UPPER_UNQUOTED and text.isupper() else text

    def table(self, text: str, *, quoted: bool = True) -> str:
        """Return a part of the name of a table. Places of files are exact everywhere.

        >>> Folding("bigquery").table("Orders", quoted=False), Folding("snowflake").table("ORDERS")
        ('Orders', 'orders')
        """
        return text if self.dialect in _EXACT_TABLES or "/" in text else self.column(text, quoted=quoted)
