"""`genops lineage` as it is used: files, folders, standard input, dbt, five forms, schemas, catalogs and errors."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from genops.cli.lineage import FORMATS, command
from genops.errors import InvalidArgument, MissingDependency
from support import hand_set, lineage_schemas
from support.dbt_target import QUOTES, respelled, target

# One of the hand-checked statements is a template and not SQL.
_GIVEN = [given for given in hand_set.statements() if given["id"] != "param_groupall"]
CHAIN = """\
CREATE TABLE main.raw.orders (id INT, customer STRING, price DOUBLE, state STRING);
CREATE TEMP VIEW paid AS SELECT * FROM main.raw.orders WHERE state = 'hunter2';
CREATE TABLE main.gold.spent AS
SELECT o.customer, sum(o.price) AS total, count(*) AS orders, sha2(c.email, 256) AS who
FROM paid o JOIN main.crm.customers c ON c.name = o.customer GROUP BY o.customer, c.email;
"""
TREE = """\
chain.sql
  #0 CREATE TABLE  resolved
    main.raw.orders

  #1 CREATE TEMPORARY VIEW  resolved
    reads main.raw.orders
    (result)
    ├─ id       ← main.raw.orders.id
    ├─ customer ← main.raw.orders.customer
    ├─ price    ← main.raw.orders.price
    ├─ state    ← main.raw.orders.state
    └─ filtered by: main.raw.orders.state

  #2 CREATE TABLE AS  resolved
    reads main.raw.orders, main.crm.customers
    main.gold.spent
    ├─ customer ← main.raw.orders.customer
    ├─ total    ← main.raw.orders.price (aggregation)
    ├─ orders   ← no column
    ├─ who      ← main.crm.customers.email (transformation, masked)
    ├─ joined by: main.crm.customers.name, main.raw.orders.customer
    ├─ filtered by: main.raw.orders.state
    └─ grouped by: main.crm.customers.email, main.raw.orders.customer

3 statements in 1 file: 3 resolved
"""


def lineage(*arguments, **options):
    """Run the command in this process."""
    # Until click 8.2 both streams were one unless asked for.
    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
    return CliRunner(**apart).invoke(command, [str(argument) for argument in arguments], **options)


def rows(*arguments, **options):
    """The statements of a run, as its JSON says them."""
    ran = lineage(*arguments, "--format", "json", **options)
    assert ran.exit_code == 0, ran.exception
    return json.loads(ran.stdout)


def direct(row):
    """Sources of each output by its last name, of what flows itself."""
    found = {}
    for each in row["columns"]:
        if each["kind"] == "DIRECT":
            found.setdefault(each["to"].rsplit(".", 1)[-1], set()).add(each["from"])
    return found


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in; returns what writes a file into it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def write(name, text):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    return write


def test_a_tree_that_a_person_can_read(here):
    """Statements with their kind and status, tables written, columns with sources, and what decides, put together."""
    ran = lineage(here("chain.sql", CHAIN))
    assert (ran.exit_code, ran.stdout) == (0, TREE)


def test_the_tree_stays_within_80_columns_where_names_allow_it(here):
    """Long lists are wrapped, and a name that is too long for its place goes to a line of its own, whole."""
    name = "warehouse.analytics_mart.customer_lifetime_value"
    columns = ", ".join(f"sum(source_column_{number}) AS written_column_{number}" for number in range(9))
    ran = lineage(here("wide.sql", f"CREATE TABLE {name} AS SELECT {columns} FROM {name}_source GROUP BY a, b, c, d"))
    assert max(map(len, ran.stdout.splitlines())) == 80
    assert all(f"    │    {name}_source.source_column_{number}\n" in ran.stdout for number in range(9))


def test_json_says_what_a_statement_is(here):
    """Each statement has exactly the keys that are promised, with names dotted and without quotes."""
    (row,) = rows(
        here("one.sql", "INSERT INTO `main`.`g` (`a`) SELECT max(`x y`) FROM `main`.`s t` WHERE b = 'hunter2'")
    )
    fingerprint = row.pop("fingerprint")
    assert re.fullmatch(r"[0-9a-f]{16}", fingerprint)
    assert row == {
        "file": "one.sql",
        "index": 0,
        "kind": "INSERT",
        "status": "resolved",
        "reads": ["main.s t"],
        "writes": ["main.g"],
        "columns": [
            {
                "to": "main.g.a",
                "from": "main.s t.x y",
                "kind": "DIRECT",
                "subtype": "AGGREGATION",
                "masking": False,
                "ambiguous": False,
            },
            {
                "to": "main.g.a",
                "from": "main.s t.b",
                "kind": "INDIRECT",
                "subtype": "FILTER",
                "masking": False,
                "ambiguous": False,
            },
        ],
        "unresolved": [],
        "summary": "INSERT main.g main.s t",
    }


def test_a_query_without_a_target_names_its_outputs(here):
    """`to` is the bare name of an output, and what is in doubt is listed with all that it may stand for."""
    (row,) = rows(here("q.sql", "SELECT zz AS out FROM a, b"))
    assert [(each["to"], each["from"]) for each in row["columns"]] == [("out", "a.zz"), ("out", "b.zz")]
    assert row["unresolved"] == [{"name": "zz", "why": "ambiguous", "candidates": ["a.zz", "b.zz"]}]
    assert row["status"] == "partial"


def test_what_changes_empties_or_removes_a_table_writes_it(here):
    """DROP, TRUNCATE, ALTER and what the parser makes opaque count as writes, and a bad one spoils no other."""
    found = rows(
        here("d.sql", "DROP TABLE a; TRUNCATE TABLE b; ALTER TABLE c ADD COLUMN x INT; selec a from b; OPTIMIZE d")
    )
    assert [row["writes"] for row in found] == [["a"], ["b"], ["c"], [], ["d"]]
    assert [row["status"] for row in found] == ["resolved", "resolved", "resolved", "error", "opaque"]
    assert [row["index"] for row in found] == list(range(5))


@pytest.mark.parametrize("given", _GIVEN or [None], ids=lambda given: given["id"] if given else "absent")
def test_the_hand_set_through_the_command(given, here):
    """Tables and columns that people found in a statement are in the command's JSON."""
    if given is None:
        hand_set.hand_set()
    options = ["--dialect", given["dialect"]]
    if given["schema"]:
        schema = {table: dict.fromkeys(columns, "STRING") for table, columns in given["schema"].items()}
        options += ["--schema", here("schema.json", json.dumps(schema))]
    found = rows(here("given.sql", given["sql"]), *options)
    assert hand_set.agrees({name for row in found for name in row["reads"]}, given["src"])
    assert hand_set.agrees({name for row in found for name in row["writes"]}, given["tgt"])
    if given["cols"] is not None:
        outputs = {name: sources for row in found for name, sources in direct(row).items()}
        assert all(hand_set.agrees(outputs.get(name, set()), expected) for name, expected in given["cols"].items())


@pytest.mark.parametrize("form", FORMATS)
def test_no_form_shows_a_literal(form, here):
    """Literals, comments, keys of addresses and the text that no parser takes stay out of every form."""
    text = (
        CHAIN + "-- hunter2\nSELECT 'hunter2' AS a, b || 'hunter2' FROM read_files('s3://b/x?sig=hunter2');"
        "selec hunter2 'hunter2'; CALL p('hunter2'); INSERT INTO t VALUES ('hunter2');"
        "SELECT * FROM parquet.`abfss://c@a.dfs.core.windows.net/x?sig=hunter2`"
    )
    ran = lineage(here("secret.sql", text), "--format", form)
    assert ran.exit_code == 0
    assert "main.gold.spent" in ran.stdout
    assert "hunter2" not in ran.output


def test_drawings_are_of_tables(here):
    """Mermaid and Graphviz show what flows into what once, and a query by its file and number."""
    text = "CREATE TABLE b AS SELECT * FROM a; INSERT INTO b SELECT * FROM a; SELECT * FROM b; "
    text += "CREATE TEMP VIEW v AS SELECT * FROM a"
    name = here("x.sql", text)
    assert lineage(name, "--format", "mermaid").stdout.splitlines() == [
        "flowchart LR",
        '  n0["a"]',
        '  n1["b"]',
        '  n2["SELECT x.sql#35;2"]',
        "  n0 -->|sql| n1",
        "  n1 -->|sql| n2",
    ]
    assert '  n0 -> n1 [label="sql"];' in lineage(name, "--format", "dot").stdout


def test_openlineage_is_a_job_event_a_line(here):
    """Each statement is an event without a run, valid by OpenLineage's own schemas, named by file and number."""
    ran = lineage(here("chain.sql", CHAIN), "--format", "openlineage")
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    for event in events:
        lineage_schemas.check(event)
    assert [event["job"]["name"] for event in events] == ["chain.sql#0", "chain.sql#1", "chain.sql#2"]
    assert not any("run" in event for event in events)
    (spent,) = events[2]["outputs"]
    fields = spent["facets"]["columnLineage"]["fields"]
    assert [(field["name"], field["field"]) for field in fields["total"]["inputFields"]] == [
        ("main.raw.orders", "price")
    ]
    assert [field["name"] for field in spent["facets"]["schema"]["fields"]] == ["customer", "total", "orders", "who"]
    assert "state = ?" in events[1]["job"]["facets"]["sql"]["query"]


def test_a_chain_of_files_needs_no_schema_and_no_order(here):
    """What a later file makes is known to an earlier one that reads it; files are shown in their own order."""
    here("models/a.sql", "CREATE VIEW m.a AS SELECT * FROM m.b")
    here("models/sub/b.SQL", "CREATE VIEW m.b AS SELECT *, 1 AS one FROM m.c")
    here("models/c.sql", "CREATE TABLE m.c (id INT, name STRING)")
    found = rows("models")
    assert [row["file"] for row in found] == [str(Path("models", name)) for name in ("a.sql", "c.sql", "sub/b.SQL")]
    assert direct(found[0]) == {"id": {"m.b.id"}, "name": {"m.b.name"}, "one": {"m.b.one"}}
    assert {row["status"] for row in found} == {"resolved"}


def test_a_table_that_was_changed_is_not_known_any_more(here):
    """After ALTER and DROP the columns that a CREATE said are not taken for those of the table."""
    made = "CREATE TABLE t (a INT); "
    changes = ("ALTER TABLE t ADD COLUMN b INT", "DROP TABLE t", "CREATE OR REPLACE TABLE t AS SELECT * FROM u")
    for change in changes:
        found = rows(here("1.sql", made + change), here("2.sql", "SELECT * FROM t"))
        assert [row["status"] for row in found][-1] == "partial"


def test_files_that_wait_for_each_other_are_read_all_the_same(here):
    """A circle of views ends, and every statement is there."""
    names = [here("1.sql", "CREATE VIEW a AS SELECT * FROM b"), here("2.sql", "CREATE VIEW b AS SELECT * FROM a")]
    assert [row["writes"] for row in rows(*names)] == [["a"], ["b"]]


def test_standard_input_and_a_session(here):
    """USE and temporary views hold within a text and not in the next; a byte order mark is no part of it."""
    text = "\ufeffUSE main.shop; CREATE TEMP VIEW v AS SELECT id FROM orders; INSERT INTO t TABLE v"
    found = rows("-", here("2.sql", "SELECT id FROM v"), input=text.encode())
    assert [row["reads"] for row in found] == [[], ["main.shop.orders"], ["main.shop.orders"], ["v"]]
    assert [row["file"] for row in found] == ["-", "-", "-", "2.sql"]


@pytest.mark.parametrize(
    ("catalog", "dialect", "reads"),
    [
        (None, "databricks", ["o", "s.o", "c.s.o"]),
        ("main", "databricks", ["main.default.o", "main.s.o", "c.s.o"]),
        ("main", "snowflake", ["main.public.o", "main.s.o", "c.s.o"]),
        ("main", "trino", ["o", "main.s.o", "c.s.o"]),
        ("main.shop", "trino", ["main.shop.o", "main.s.o", "c.s.o"]),
        ("`My-Cat`.shop", "databricks", ["my-cat.shop.o", "my-cat.s.o", "c.s.o"]),
    ],
)
def test_what_a_catalog_makes_of_names(catalog, dialect, reads, here):
    """--catalog completes names of one and two parts, as its help says, and leaves those of three."""
    options = ["--dialect", dialect, *(["--catalog", catalog] if catalog else [])]
    found = rows(here("x.sql", "SELECT a FROM o; SELECT a FROM s.o; SELECT a FROM c.s.o"), *options)
    assert [name for row in found for name in row["reads"]] == reads


def test_a_schema_resolves_stars(here):
    """Columns of SCHEMA.json are known by fewer parts, in whatever catalog, and by a catalog that is said."""
    schema = here("schema.json", '{"shop.orders": {"id": "INT", "Total": "DOUBLE"}, "s3://b/x": {"c": "INT"}}')
    query = here("x.sql", "SELECT * FROM orders; SELECT * FROM main.shop.orders; SELECT * FROM parquet.`s3://b/y`")
    found = rows(query, "--schema", schema)
    assert [sorted(direct(row)) for row in found] == [["id", "total"], ["id", "total"], ["*"]]
    assert rows(query, "--schema", schema, "--catalog", "main.shop")[0]["status"] == "resolved"


def test_a_dbt_target_folder(tmp_path):
    """Models and snapshots, each after what it reads, resolved through each other, the catalog and a seed's file."""
    ran = lineage(target(tmp_path), "--format", "json")
    found = {row["file"]: row for row in json.loads(ran.stdout)}
    assert next(iter(found)) == "models/staged.sql"
    assert {name: (row["kind"], row["status"]) for name, row in found.items()} == {
        "models/staged.sql": ("CREATE VIEW", "resolved"),
        "models/a_report.sql": ("CREATE TABLE AS", "resolved"),
        "models/bare.sql": ("CREATE TABLE AS", "opaque"),
        "models/beside.sql": ("CREATE TABLE AS", "resolved"),
        "models/scored.sql": ("CREATE TABLE AS", "opaque"),
        "models/sums.sql": ("MERGE", "resolved"),
        "snapshots/states.sql": ("MERGE", "resolved"),
        "models/valid.sql": ("CREATE VIEW", "resolved"),
    }
    assert direct(found["models/a_report.sql"])["country"] == {"main.marts.cities.country"}
    assert direct(found["models/sums.sql"]) == {
        "city": {"main.marts.staged.city"},
        "total": {"main.marts.staged.price"},
    }
    assert "dbt_valid_to" in direct(found["models/valid.sql"])
    assert found["models/scored.sql"]["reads"] == ["main.marts.staged"]
    assert found["models/sums.sql"]["summary"] == "MERGE main.marts.sums main.marts.staged"
    assert "hunter2" not in ran.output


def test_what_is_left_out_of_dbt_is_said(tmp_path):
    """Tests, seeds, ephemeral models and models that are not compiled are said beside the output."""
    ran = lineage(target(tmp_path), "--format", "dot")
    assert "left out: 1 ephemeral model, 1 seed, 1 test" in ran.stderr
    assert "models/bare.sql is not compiled; run `dbt compile`" in ran.stderr
    assert ran.stdout.startswith("digraph")


def test_the_adapter_of_dbt_says_the_dialect(tmp_path):
    """An adapter is read in its dialect, one that is not known has to be named, and the caller's word goes before."""
    made = target(tmp_path, adapter="clickhouse")
    ran = lineage(made)
    assert isinstance(ran.exception, InvalidArgument)
    assert "'clickhouse'" in str(ran.exception)
    assert rows(made / "manifest.json", "--dialect", "databricks") == rows(made, "--dialect", "spark")
    (tmp_path / "dbt_project.yml").touch()
    assert len(rows(tmp_path, "--dialect", "databricks")) == 8


@pytest.mark.parametrize("adapter", QUOTES)
def test_models_of_every_adapter(adapter, tmp_path):
    """However an adapter quotes names, models are resolved through each other as on Databricks."""
    (tmp_path / "databricks").mkdir()
    (tmp_path / adapter).mkdir()
    other = target(tmp_path / adapter, adapter=adapter)
    respelled(other, adapter)

    def edges(found):
        return [(row["file"], row["status"], row["reads"], row["writes"], row["columns"]) for row in found]

    assert edges(rows(other)) == edges(rows(target(tmp_path / "databricks")))


def test_what_dbt_compiled_without_a_manifest(here):
    """Of a target folder that lost its manifest the compiled files are read, not those that were run."""
    for name in ("compiled/p/a.sql", "run/p/a.sql", ".hidden/b.sql"):
        here(f"target/{name}", "SELECT a FROM t")
    assert [row["file"] for row in rows("target")] == [str(Path("target/compiled/p/a.sql"))]
    Path("target/run").rename("sql")
    assert len(rows("sql", here("sql/.b.sql", "SELECT a FROM t"))) == 2


def test_templates_are_pointed_out(here):
    """A file with Jinja in it is read as it stands, and the caller hears how to do better."""
    assert "m.sql: has Jinja in it" in lineage(here("m.sql", "SELECT * FROM {{ ref('x') }}")).stderr


@pytest.mark.parametrize(
    ("files", "options", "said"),
    [
        ({}, ["absent.sql"], "absent.sql: no such file; name a file of SQL"),
        ({"none/x.txt": ""}, ["none"], "none: no *.sql in it or below it"),
        ({"p/dbt_project.yml": ""}, ["p"], "p: a dbt project, whose files are templates; run `dbt compile`"),
        ({"t/manifest.json": '{"nodes": {}}'}, ["t"], "no manifest of dbt with nodes in it"),
        ({"x.sql": b"SELECT \xe9"}, ["x.sql"], "x.sql: not UTF-8 at byte 7; convert it"),
        ({"x.sql": b"\xff\xfeS\x00"}, ["x.sql"], "iconv -f UTF-16"),
        (
            {"x.sql": ""},
            ["x.sql", "--dialect", "postgress"],
            "'postgress': no dialect that is known (did you mean 'postgres'?)",
        ),
        ({"x.sql": ""}, ["x.sql", "--catalog", "a.b.c"], "a.b.c: expected CATALOG or CATALOG.SCHEMA"),
        ({"x.sql": ""}, ["x.sql", "--catalog", ""], "--catalog: '': the name has an empty part"),
        ({"x.sql": ""}, ["x.sql", "--schema", "no.json"], "no.json: no such file"),
        ({"x.sql": "", "s": "{"}, ["x.sql", "--schema", "s"], "s: no JSON at line 1, column 2"),
        (
            {"x.sql": "", "s": "[]"},
            ["x.sql", "--schema", "s"],
            's: expected {"table": {"column": "type"}}, found a list',
        ),
        ({"x.sql": "", "s": '{"t": 1}'}, ["x.sql", "--schema", "s"], "found a number in place of its columns"),
        ({"x.sql": "", "s": '{"t": {}}'}, ["x.sql", "--schema", "s"], "table 't': has no columns"),
        ({"x.sql": "", "s": '{"d": {"t": {}}}'}, ["x.sql", "--schema", "s"], "write nested names with dots"),
        (
            {"x.sql": "", "s": '{"a..b": {"c": "INT"}}'},
            ["x.sql", "--schema", "s"],
            "s: 'a..b': the name has an empty part",
        ),
    ],
)
def test_what_cannot_be_used_is_named_with_the_way_out(files, options, said, here):
    """Each error names the value, what was expected and how to mend it."""
    for name, text in files.items():
        here(name, text)
    ran = lineage(*options)
    assert isinstance(ran.exception, InvalidArgument)
    assert said in str(ran.exception)


def test_without_sqlglot_the_extra_is_named(here, monkeypatch):
    """Where the parser is absent the command says what to install."""
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    ran = lineage(here("x.sql", "SELECT 1"))
    assert isinstance(ran.exception, MissingDependency)
    assert "pip install '.[sql]'" in str(ran.exception)


def test_nothing_in_a_name_moves_the_terminal(here):
    """Control characters of names are written out."""
    ran = lineage(here("x.sql", 'SELECT "a\x1b[31mb" FROM t'), "--dialect", "postgres")
    assert "\x1b" not in ran.stdout
    assert "a\\x1b[31mb" in ran.stdout


def test_as_a_program(here):
    """In a process of its own: a piped tree without colours in ASCII, and an error as one line with exit code 1."""
    here("chain.sql", CHAIN)
    program = [sys.executable, "-c", "from genops.cli import main; main()", "lineage"]
    machine = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ran = subprocess.run([*program, "chain.sql"], capture_output=True, text=True, env=machine, check=True)
    assert ran.stdout == TREE.replace("├─", "|-").replace("└─", "`-").replace("←", "<-")
    failed = subprocess.run([*program, "absent.sql"], capture_output=True, text=True, env=machine, check=False)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert re.fullmatch(r"genops: absent\.sql: no such file; [^\n]*\n", failed.stderr)


def test_the_samples_of_the_page_are_what_is_printed(here):
    """The file of docs/lineage-command.md gives its tree and its JSON, and its schema resolves what is in doubt."""
    page = (Path(__file__).parents[2] / "docs" / "lineage-command.md").read_text("utf-8")
    (text,), (tree,) = (re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL) for language in ("sql", "text"))
    schema, said = (json.loads(sample) for sample in re.findall(r"```json\n(.*?)```", page, re.DOTALL))
    name = here("spent.sql", text)
    assert lineage(name).stdout == tree
    row = rows(name)[said["index"]]
    assert said["columns"][0] in row["columns"]
    assert row | {"columns": [], "fingerprint": ""} == said | {"columns": [], "fingerprint": ""}
    last = rows(name, "--schema", here("schema.json", json.dumps(schema)))[-1]
    assert set(direct(last)) == {"id", "happened_at"}
