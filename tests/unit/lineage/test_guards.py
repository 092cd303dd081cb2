"""What no parser can take is refused before it is asked, and what people write is not."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genops.lineage.sql import guards
from genops.lineage.sql.guards import too_complex
from genops.lineage.sql.library import DIALECTS, parse
from genops.lineage.sql.opaque import by_words
from genops.lineage.sql.redaction import redact
from genops.lineage.sql.splitting import split
from support.hand_set import hand_set
from support.pathological import REFUSED, texts
from support.sql_texts import STATEMENTS


def test_hand_set_is_let_through() -> None:
    """No hand-checked statement is refused."""
    assert [one["id"] for one in hand_set() if too_complex(one["sql"], one["dialect"])] == []


@pytest.mark.parametrize(("dialect", "text"), STATEMENTS)
def test_common_statements_are_let_through(dialect: str, text: str) -> None:
    """No statement as programs send it is refused, by counting or by reading."""
    assert too_complex(text, dialect) is None
    assert guards._measured(text, dialect) is None


def test_wide_and_long_statements_are_let_through() -> None:
    """An INSERT of 2,000 columns and a model of 200 KB are no reason to refuse."""
    names = [f"customer_attribute_{i}" for i in range(2_000)]
    casts = ", ".join(f"CAST(s.{name} AS DECIMAL(10, 2)) AS {name}" for name in names)
    insert = f"INSERT INTO g.t ({', '.join(names)}) SELECT {casts} FROM s.t AS s"
    assert too_complex(insert, "databricks") is None
    column = "        , COALESCE(NULLIF(TRIM(orders.customer_name), ''), 'unknown')::STRING AS customer_name_{0}\n"
    query = (
        "step_{0} AS (\n    SELECT orders.id\n{1}    FROM main.raw.orders AS orders WHERE orders.day > '2024-01-01'\n)"
    )
    body = ",\n".join(query.format(i, "".join(column.format(j) for j in range(40))) for i in range(55))
    model = f"-- a model\nWITH {body}\nSELECT * FROM step_0"
    assert len(model) > 200_000
    assert too_complex(model, "databricks") is None


@pytest.mark.parametrize("name", texts())
def test_pathological_texts_are_refused_by_their_kind(name: str) -> None:
    """Each pathological text has the reason of its kind, or none where a parser is safe with it."""
    assert too_complex(texts()[name], "databricks") == REFUSED.get(name)


def in_small_thread(work: Callable[[], object]) -> list[BaseException]:
    """Return what escaped from work done on a thread with a stack of 512 KB, as on a Mac."""
    escaped: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            escaped.append(error)

    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return escaped


def _everything(text: str, dialect: str) -> None:
    for statement in split(text, dialect)[:20]:
        by_words(statement, dialect)
        if too_complex(statement, dialect) is None:
            parse(statement, dialect)
    redact(text, dialect)


@pytest.mark.parametrize("name", texts())
def test_pathological_texts_on_a_small_stack(name: str) -> None:
    """Splitting, words, guards, redaction, and the parser where the guards allow it, survive each of them."""
    text = texts()[name]
    assert in_small_thread(lambda: _everything(text, "databricks")) == []


@pytest.mark.full
@pytest.mark.parametrize("dialect", DIALECTS)
def test_pathological_texts_in_every_dialect(dialect: str) -> None:
    """The same holds in every dialect."""
    for text in texts().values():
        assert in_small_thread(lambda text=text: _everything(text, dialect)) == []


@settings(max_examples=200)
@given(st.text("()[]{}<>'\"`-/*$; \nA", max_size=80), st.sampled_from(DIALECTS))
def test_what_is_counted_is_never_let_through_deeper_than_read(text: str, dialect: str) -> None:
    """The quick count lets nothing through that reading would refuse."""
    if too_complex(text, dialect) is None:
        assert guards._measured(text, dialect) is None


@pytest.mark.parametrize(
    ("head", "left", "inner", "right"),
    [
        ("SELECT ", "STRUCT(", "1", ")"),
        ("SELECT ", "STRUCT(a, ", "1", ")"),
        ("SELECT ", "DECIMAL(1, ", "1", ")"),
        ("SELECT ", "varchar /* x */ (", "1", ")"),
        ("SELECT * FROM a ", "LEFT JOIN b ", "", ""),
        ("SELECT * FROM a ", "join -- x\n b ", "", ""),
        ("SELECT ", "CASE WHEN a THEN ", "1", " END"),
        ("SELECT ", "not ", "a", ""),
        ("SELECT CAST(a AS ", "ARRAY <", "INT", ">)"),
    ],
)
def test_what_doubles_a_parsers_time_is_refused_early(head: str, left: str, inner: str, right: str) -> None:
    """What is exponential for a parser is let through at most a few levels deep, however short the statement is."""
    let_through = [n for n in range(1, 60) if too_complex(head + left * n + inner + right * n, "databricks") is None]
    bound = 8 if left.upper().startswith(("STRUCT", "DECIMAL", "VARCHAR", "LEFT", "JOIN")) else guards.LIMITS.depth
    assert let_through == list(range(1, len(let_through) + 1))
    assert 1 < len(let_through) <= bound
