"""Planted statements as a program runs them: real calls, answered at once, in every way in which they can end."""

from __future__ import annotations

import contextlib
import random
import types
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from databricks import sql
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.sql import StatementExecutionAPI, StatementParameterListItem, StatementState

import genops
from genops.core import shapes
from genops.core.operation import Action, Facts, Operation, Place
from genops.errors import GovernanceError
from genops.instrumentation import databricks_statements as statements
from support.leaving import Leaving
from support.planted import Planted, literal, planted_secret, statement

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

HOST = "https://acme.cloud.databricks.com"


class Canned:
    """Stands where the SDK's client does, and answers without a request.

    Attributes:
        answer: Makes the answer to the text of a statement; it may raise.
    """

    def __init__(self) -> None:
        self._cfg = types.SimpleNamespace(host=HOST, account_id=None, workspace_id=None)
        self.answer: Callable[[str], dict[str, Any]] = succeeded
        self._text = ""

    def do(self, *_: Any, body: dict[str, Any] | None = None, **__: Any) -> dict[str, Any]:
        """Answer; a statement that is looked at again has failed."""
        if body is None:
            return failed(self._text)
        self._text = body["statement"]
        return self.answer(self._text)


def succeeded(text: str) -> dict[str, Any]:
    """A result, in which the text stands as a value and as the name of a column."""
    schema = {"column_count": 1, "columns": [{"name": text, "position": 0, "type_name": "STRING"}]}
    manifest = {"format": "JSON_ARRAY", "schema": schema, "total_row_count": 1}
    return {**_state("SUCCEEDED"), "manifest": manifest, "result": {"data_array": [[text]]}}


def failed(text: str) -> dict[str, Any]:
    """A failure whose message quotes the text."""
    error = {"error_code": "BAD_REQUEST", "message": f"[PARSE_SYNTAX_ERROR] near '{text}'\n== SQL ==\n{text}\n^^^"}
    return _state("FAILED", error)


def refused(text: str) -> dict[str, Any]:
    """An error of HTTP whose message quotes the text."""
    raise DatabricksError(f"near {text}", error_code="BAD_REQUEST", details=[{"reason": text, "domain": text}])


def broken(text: str) -> dict[str, Any]:
    """An error of the program's own, whose cause quotes the text too."""
    raise ValueError(text, {"statement": text}) from KeyError(text)


def pending(_: str) -> dict[str, Any]:
    """A statement that goes on."""
    return _state("RUNNING")


ANSWERS = (succeeded, succeeded, failed, refused, broken, pending)


def _state(state: str, error: dict[str, Any] | None = None) -> dict[str, Any]:
    status: dict[str, Any] = {"state": state, **({"error": error} if error else {})}
    return {"statement_id": "01f0-0000", "status": status}


def run(rng: random.Random, many: int, leaving: Leaving) -> Iterator[Planted]:
    """Run planted statements, each in one way; yield each.

    Statements for Databricks go through the SDK, those of other dialects through a call that is described as the
    instrumentations describe theirs.
    """
    client = Canned()
    api = StatementExecutionAPI(client)  # pyright: ignore[reportArgumentType]  (all that it needs of a client)
    for number in range(many):
        planted = statement(rng)
        client.answer = rng.choice(ANSWERS)
        around = rng.random() < 0.1
        with _heard(leaving), genops.workflow("nightly") if around else contextlib.nullcontext():
            if planted.dialect == "databricks":
                through_sdk(api, planted, number)
            else:
                through_shapes(client, planted)
        yield planted


@contextlib.contextmanager
def _heard(leaving: Leaving) -> Iterator[None]:
    """Let the errors of a call pass, as a program that catches them; those of genops itself must not tell the text."""
    try:
        yield
    except GovernanceError as refusal:
        leaving.raised(refusal)
    except (DatabricksError, ValueError):
        pass


def through_sdk(api: StatementExecutionAPI, planted: Planted, number: int) -> None:
    """Run a statement with its secret among the parameters as well."""
    parameters = [
        StatementParameterListItem(name="p", value=planted.secret),
        StatementParameterListItem(name=f"p{number}", value=f"a {planted.secret}", type="STRING"),
    ]
    found = api.execute_statement(planted.text, "0123456789abcdef", parameters=parameters, catalog="main", schema="s")
    if found.status is not None and found.status.state is StatementState.RUNNING:
        api.get_statement(str(found.statement_id))


def through_shapes(client: Canned, planted: Planted) -> None:
    """Run a statement of any dialect; what answers is the same."""

    def describe(governor: Any, instance: Any, args: Any, kwargs: Any) -> Operation:
        place = Place(planted.dialect, "acme.cloud.databricks.com", "main", "s")
        kind, told = statements.described(args[0], place)
        governor.read(told, args[0])
        return Operation(
            kind.name, "databricks_unity_catalog", kind.name, kind.span, kind.action,
            governor.attribution(place.host), place.host, "sql_warehouse", "0123456789abcdef", statement=told,
            container=governor.container(), library="databricks_sdk",
        )  # fmt: skip

    def observe(operation: Operation, response: Any) -> Facts | None:
        status = types.SimpleNamespace(state=response["status"]["state"], error=None, sql_state=None)
        return statements.executed(operation, types.SimpleNamespace(statement_id="01f0-0000", status=status))

    def ask(text: str) -> dict[str, Any]:
        return client.do(body={"statement": text})

    kind = "sql.execute"
    site = shapes.Site(kind, "databricks_unity_catalog", "databricks_sdk", kind, Action.WRITE, describe, observe)
    shapes.call(site, ask, None, (planted.text,), {})


Ask = Callable[[str, str], object]
"""Runs a statement with a secret as its parameter `p`."""


def databricks(rng: random.Random) -> Planted:
    """Return a planted statement for Databricks, a third of them such as a workspace answers without an error."""
    if rng.random() < 0.3:
        value = literal(rng, "databricks", secret := planted_secret(rng))
        text = rng.choice(
            (
                f"SELECT a, {value} FROM main.default.t WHERE b = {value} -- {secret}\n",
                f"INSERT INTO main.default.t VALUES ({value}, :p, 'x')",
                f"SELECT /*+ BROADCAST(t) {secret} */ a FROM main.default.t WHERE b = :p",
                f"CREATE OR REPLACE VIEW main.default.v AS SELECT {value} AS x, a FROM main.default.t",
            )
        )
        return Planted("databricks", text, secret)
    return next(found for found in iter(lambda: statement(rng), None) if found.dialect == "databricks")


def asking(client: WorkspaceClient, warehouse: str) -> Ask:
    """Return what runs a statement through the SDK."""

    def ask(text: str, secret: str) -> object:
        parameters = [StatementParameterListItem(name="p", value=secret)]
        body = {"statement": text, "warehouse_id": warehouse, "parameters": [{"name": "p", "value": secret}]}
        client.api_client.do("POST", "/api/2.0/sql/statements", query={"p": secret}, body=body)
        return client.statement_execution.execute_statement(text, warehouse, parameters=parameters)

    return ask


def on_workspace(ask: Ask, planted: Planted, leaving: Leaving) -> None:
    """Run a statement that may fail, inside a workflow that an error may end."""
    try:
        with genops.workflow("nightly"):
            ask(planted.text, planted.secret)
    except GovernanceError as refusal:
        leaving.raised(refusal)
    except (DatabricksError, UnicodeError, sql.Error):
        pass


def with_rows(cursor: Any, rng: random.Random) -> list[str]:
    """Insert rows of secrets at once, then ask for what is not there with them; return the secrets."""
    secrets = [planted_secret(rng) for _ in range(4)]
    rows = [{"a": secret, "b": f"it's {secret}", "c": None} for secret in secrets]
    cursor.executemany("INSERT INTO main.default.t VALUES (:a, :b, :c)", rows)
    with contextlib.suppress(sql.Error):
        cursor.executemany(f"INSERT INTO main.default.nowhere VALUES ('{secrets[0]}', :a)", rows)
    cursor.execute("SELECT * FROM main.default.t WHERE a IN (?, ?)", secrets[:2]).fetchall()
    cursor.execute_async(f"SELECT '{secrets[3]}' AS a, a FROM main.default.t")
    cursor.get_async_execution_result()
    with contextlib.suppress(sql.Error):
        cursor.execute(f"SELECT raise_error('{secrets[1]}'), CAST('{secrets[2]}' AS INT)")
    return secrets
