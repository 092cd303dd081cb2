"""`genops lineage`: what SQL files and dbt projects read and write, down to the column, without running them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("tree", "json", "mermaid", "dot", "openlineage")


@click.command("lineage")
@click.argument("files", nargs=-1, required=True, metavar="[FILE.sql|FOLDER|-]...")
@click.option(
    "--dialect",
    help="The SQL that the files are written in: databricks (where nothing is said), spark, snowflake, bigquery, tsql, "
    "athena, trino, duckdb or postgres. A dbt target folder says itself what it is.",
)
@click.option(
    "--schema",
    metavar="SCHEMA.json",
    help='Columns of tables that no statement makes: {"main.sales.orders": {"id": "INT", "price": "DOUBLE"}}.',
)
@click.option(
    "--catalog",
    metavar="CATALOG[.SCHEMA]",
    help="What names of fewer parts mean, as if each file began with USE CATALOG: sales.orders is "
    "CATALOG.sales.orders, and orders is CATALOG.SCHEMA.orders. Where SCHEMA is not said it is `default` in Databricks "
    "and Spark, `public` in Snowflake, and elsewhere orders stays orders. A USE in the file overrules it.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
def command(*, files: tuple[str, ...], dialect: str | None, schema: str | None, catalog: str | None, form: str) -> None:
    """Say what SQL reads and writes, down to the column. Nothing is run, and no literal is shown.

    A FILE holds statements, `-` is standard input, a FOLDER is searched for *.sql in it and below it, and a dbt target
    folder (with a manifest.json) is taken model by model. What a statement makes is known to those after it, so that a
    chain of models needs no schema.

    Formats: a tree for people, a list of statements as JSON, drawings of tables for Mermaid and Graphviz, and
    OpenLineage, one JobEvent a line.

    Exit code 0 also where statements were not understood whole, as their status says; 1 where the input cannot be had,
    2 for a wrong option.
    """
    from genops.cli.lineage.files import gathered
    from genops.cli.lineage.forms import FORMS
    from genops.cli.lineage.reading import Chain
    from genops.cli.lineage.words import dialect_of, needs_sqlglot

    needs_sqlglot()
    chosen = None if dialect is None else dialect_of(dialect)
    found = gathered(files, chosen)
    for note in found.notes:
        click.echo(f"genops: {note}", err=True)
    chain = Chain(found, _path(schema), catalog, chosen)
    for line in FORMS[form](chain.read()):
        click.echo(_writable(line))


def _path(schema: str | None) -> Path | None:
    from pathlib import Path

    return None if schema is None else Path(schema)


def _writable(words: str) -> str:
    """Return words without what standard output has no letters for."""
    coding = sys.stdout.encoding or "utf-8"
    return words.encode(coding, "backslashreplace").decode(coding)
