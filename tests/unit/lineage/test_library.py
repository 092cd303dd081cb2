"""sqlglot is used late, unheard, and does without being there."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time

import pytest

from genops.lineage.sql import library


def test_a_statement_is_parsed() -> None:
    """A statement has a tree, and what is none has the reason why."""
    pytest.importorskip("sqlglot")
    assert library.parse("SELECT a FROM t", "databricks").tree is not None
    assert library.parse("SELECT FROM WHERE (", "databricks") == (None, "syntax")
    assert library.parse("SELECT " + "(" * 500 + "1" + ")" * 500, "databricks") == (None, "depth")
    assert library.parse("SELECT 1; SELECT 2", "databricks").reason == "syntax"


def test_its_warnings_are_not_heard(caplog: pytest.LogCaptureFixture) -> None:
    """What sqlglot logs of a statement inside our calls reaches no log; the program's own use of it does."""
    sqlglot = pytest.importorskip("sqlglot")
    with caplog.at_level(logging.DEBUG):
        library.parse("CREATE TABLE a AS CREATE TABLE hunter2 AS SELECT 1", "databricks")
        assert caplog.records == []
        sqlglot.parse("CREATE TABLE a AS CREATE TABLE b AS SELECT 1", read="databricks")
    assert len(caplog.records) == 1


def test_an_absent_library_is_said_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Without sqlglot nothing is parsed, nothing raises, and one warning says so."""
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    monkeypatch.setattr(library, "_loading", library._Loading())
    assert library.parse("SELECT 1", "databricks") == library.parse("SELECT 2", "databricks") == (None, "absent")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_deep_caller_does_not_make_the_library_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the first call has no stack left to import it, the next one tries again."""
    imported = library._imported
    loading = library._Loading()

    def too_deep() -> None:
        raise RecursionError

    monkeypatch.setattr(library, "_imported", too_deep)
    assert loading.load() is None
    monkeypatch.setattr(library, "_imported", imported)
    assert loading.load() is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_waits_for_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that forks while a thread imports the library leaves its child one that is whole."""
    begun, whole = threading.Event(), library._imported()

    def imported() -> library.Library | None:
        begun.set()
        time.sleep(0.1)
        return whole

    monkeypatch.setattr(library, "_imported", imported)
    monkeypatch.setattr(library._loading, "tried", False)
    thread = threading.Thread(target=library.load)
    thread.start()
    assert begun.wait(30)
    child = os.fork()
    if child == 0:
        os._exit(0 if library._loading.tried and library.load() is whole else 1)
    _, status = os.waitpid(child, 0)
    thread.join(30)
    assert os.waitstatus_to_exitcode(status) == 0


def test_names_of_dialects() -> None:
    """Common other names lead to the dialects, and unknown ones to none."""
    assert [library.known(name) for name in ("MSSQL", "presto", "sparksql", "x", "")] == [
        "tsql",
        "trino",
        "spark",
        None,
        None,
    ]
