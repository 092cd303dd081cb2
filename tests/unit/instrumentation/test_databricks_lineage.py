"""The table of calls that name both sides: methods that exist, and edges only where both sides are named."""

from __future__ import annotations

import importlib

import pytest

from genops.core.edges import LOCAL_FILE
from genops.core.operation import Action, DatasetEdge, DatasetRef, Operation
from genops.instrumentation.databricks_describe import site_of
from genops.instrumentation.databricks_lineage import NAMING
from genops.instrumentation.databricks_names import extractor
from genops.instrumentation.databricks_types import operation_type

HOMES = {
    "Files": ("databricks.sdk.mixins.files", "FilesExt"),
    "Dbfs": ("databricks.sdk.mixins.files", "DbfsExt"),
    "Database": ("databricks.sdk.service.database", "DatabaseAPI"),
    "OnlineTables": ("databricks.sdk.service.catalog", "OnlineTablesAPI"),
    "VectorSearchIndexes": ("databricks.sdk.service.vectorsearch", "VectorSearchIndexesAPI"),
}
LANDING = DatasetRef(("main", "raw", "landing"), "volume", "host")
ARCHIVE = DatasetRef(("main", "raw", "archive"), "volume", "host")
OF_LANDING, OF_ARCHIVE = "/Volumes/main/raw/landing/a", "dbfs:/Volumes/main/raw/archive/a"


def method_of(service, method):
    """The class of a service's method, and the method."""
    module, name = HOMES[service]
    owner = getattr(importlib.import_module(module), name)
    return owner, getattr(owner, method)


@pytest.mark.parametrize(("service", "method"), NAMING)
def test_every_method_of_the_table_exists(service, method):
    """A row for a method that the SDK does not have would hold nothing."""
    assert callable(method_of(service, method)[1])


@pytest.mark.parametrize(
    ("service", "method", "args", "edges"),
    [
        ("Files", "upload", (OF_LANDING, None), [(LOCAL_FILE, LANDING)]),
        ("Files", "upload_from", (OF_LANDING, "/home/me/secret"), [(LOCAL_FILE, LANDING)]),
        ("Files", "download_to", (OF_LANDING, "/home/me/secret"), [(LANDING, LOCAL_FILE)]),
        ("Dbfs", "upload", (OF_LANDING, None), [(LOCAL_FILE, LANDING)]),
        ("Files", "download", (OF_LANDING,), [(LANDING, LOCAL_FILE)]),
        ("Dbfs", "copy", (OF_LANDING, OF_ARCHIVE), [(LANDING, ARCHIVE)]),
        ("Dbfs", "move", (OF_LANDING, OF_ARCHIVE), [(LANDING, ARCHIVE)]),
        ("Dbfs", "move_", (OF_LANDING, OF_LANDING), []),
        ("Dbfs", "copy", ("dbfs:/tmp/a", OF_ARCHIVE), []),
        ("Files", "upload", ("/Workspace/a", None), []),
    ],
)
def test_a_call_names_an_edge_where_both_sides_may_be_named(service, method, args, edges):
    """Volumes and the program's own files are named; any other path is not, and then there is no edge."""
    owner, function = method_of(service, method)
    kind = operation_type(owner.__name__, method)
    reads, writes, *_ = extractor(service, method, function, kind.action)(args, {}, "host")
    observe = site_of(owner.__name__, method, function).observe
    facts = observe(Operation(kind.name, "p", action=kind.action, reads=reads, writes=writes), None)
    found = () if facts is None else facts.edges
    assert list(found) == [DatasetEdge(*edge) for edge in edges]


def test_a_table_made_from_another_is_an_edge():
    """The SDK's request names source and target."""
    from databricks.sdk.service.database import SyncedDatabaseTable, SyncedTableSpec

    owner, function = method_of("Database", "create_synced_database_table")
    wanted = SyncedDatabaseTable(name="main.s.copy", spec=SyncedTableSpec(source_table_full_name="main.s.orders"))
    reads, writes, *_ = extractor("Database", function.__name__, function, Action.ADMIN)((wanted,), {}, None)
    observe = site_of(owner.__name__, function.__name__, function).observe
    (edge,) = observe(Operation("x", "p", reads=reads, writes=writes), None).edges
    assert (edge.source.name, edge.target.name) == ("main.s.orders", "main.s.copy")
