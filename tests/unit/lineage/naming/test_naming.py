"""Names of datasets, against the table of OpenLineage's naming specification."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genops.core.edges import LOCAL_FILE
from genops.core.operation import DatasetRef
from genops.errors import InvalidArgument
from genops.lineage.naming import LOCATION, UNRESOLVED, Named, Symlink, name, parts_of
from genops.lineage.naming.systems import SYSTEMS

HOST = "acme.cloud.databricks.com"

SPECIFICATION = [
    (
        ("AwsDataCatalog", "web", "t"),
        "jdbc:athena://Region=eu-west-1;S3OutputLocation=s3://o/",
        "awsathena://athena.eu-west-1.amazonaws.com",
        "AwsDataCatalog.web.t",
    ),
    (
        "web.t",
        "awsathena+rest://:@athena.eu-west-1.amazonaws.com:443/web",
        "awsathena://athena.eu-west-1.amazonaws.com",
        "web.t",
    ),
    ("web.t", "arn:aws:glue:eu-west-1:123456789012:catalog", "arn:aws:glue:eu-west-1:123456789012", "table/web/t"),
    (
        "t",
        "azurecosmos://acct.documents.azure.com/dbs/shop",
        "azurecosmos://acct.documents.azure.com/dbs/shop",
        "colls/t",
    ),
    (("db", "t"), "azurekusto://c.kusto.windows.net", "azurekusto://c.kusto.windows.net", "db/t"),
    (
        "[dbo].[t]",
        "jdbc:sqlserver://w.sql.azuresynapse.net:1433;database=pool",
        "sqlserver://w.sql.azuresynapse.net:1433",
        "dbo.t",
    ),
    ("`p-1.d.t`", "bigquery", "bigquery", "p-1.d.t"),
    (
        "t",
        "jdbc:bigquery://https://www.googleapis.com/bigquery/v2:443;ProjectId=p;DefaultDataset=d",
        "bigquery",
        "p.d.t",
    ),
    ("d.t", "bigquery://p/other", "bigquery", "p.d.t"),
    ("ks.t", "cassandra://h:9042", "cassandra://h:9042", "ks.t"),
    ("db.c", "milvus://h:19530", "milvus://h:19530", "db.c"),
    (
        "dbo.t",
        "jdbc:sqlserver://x.datawarehouse.fabric.microsoft.com;database=w",
        "fabric-warehouse://x.datawarehouse.fabric.microsoft.com",
        "w.dbo.t",
    ),
    ("t", "jdbc:mysql://h/shop?user=u", "mysql://h:3306", "shop.t"),
    ("other.t", "mysql+pymysql://u:p@h:3307/shop", "mysql://h:3307", "other.t"),
    ("doc.t", "jdbc:crate://h/c", "crate://h:5432", "c.doc.t"),
    ("s.t", "jdbc:db2://h:50000/d:user=u;password=p;", "db2://h:50000", "d.s.t"),
    ("sales.t", "thrift://meta:9083", "hive://meta:9083", "sales.t"),
    ("t", "jdbc:hive2://h:10000/sales;principal=x", "hive://h:10000", "sales.t"),
    ("[dbo].[t]", "jdbc:sqlserver://h;databaseName=d;password=x@y/z", "mssql://h:1433", "d.dbo.t"),
    ("dbo.t", r"jdbc:sqlserver://h\one;databaseName=d", "mssql://h/one", "d.dbo.t"),
    ("t", "jdbc:oceanbase://h/d", "oceanbase://h:2881", "d.t"),
    ("HR.T", "jdbc:oracle:thin:@//h/svc", "oracle://h:1521", "svc.HR.T"),
    ("HR.T", "jdbc:oracle:thin:scott/tiger@h:1522:sid", "oracle://h:1522", "sid.HR.T"),
    ("public.t", "postgresql+psycopg2://u:p@h/shop", "postgres://h:5432", "shop.public.t"),
    ("public.t", "jdbc:postgresql://h1,h2:5433/shop", "postgres://h1:5432,h2:5433", "shop.public.t"),
    ("t", "jdbc:teradata://h/DATABASE=d,DBS_PORT=1026", "teradata://h:1026", "d.t"),
    (
        "public.t",
        "jdbc:redshift://one.abc.us-west-2.redshift.amazonaws.com/dev",
        "redshift://one.us-west-2:5439",
        "dev.public.t",
    ),
    ("S.T", "jdbc:snowflake://org-acct.snowflakecomputing.com/?db=D&schema=X&user=u", "snowflake://org-acct", "D.S.T"),
    ("T", "snowflake://u:p@xy12345.eu-central-1.aws/D/S?warehouse=w", "snowflake://xy12345.eu-central-1.aws", "D.S.T"),
    ("t", "spanner://projects/p/instances/i/databases/d", "spanner://p:i", "d.t"),
    ("s.t", "trino://u@h:8443/hive", "trino://h:8443", "hive.s.t"),
    ("s.t", "jdbc:databricks://h:443/default;ConnCatalog=main;PWD=x", "unitycatalog://h", "main.s.t"),
    ("main.s.t", "https://acme.cloud.databricks.com/?o=1", f"unitycatalog://{HOST}", "main.s.t"),
    ("main.s.t", "unitycatalog://uc.acme.com:8080", "unitycatalog://uc.acme.com:8080", "main.s.t"),
    ("abfss://c@a.dfs.core.windows.net/raw/x/", None, "abfss://c@a.dfs.core.windows.net", "raw/x"),
    ("dbfs:/mnt/x", HOST, f"dbfs://{HOST}", "/mnt/x"),
    ("dbfs:/mnt/x", None, "dbfs", "/mnt/x"),
    ("gs://b/k", None, "gs://b", "k"),
    ("hdfs://nn:8020/data/x", None, "hdfs://nn:8020", "/data/x"),
    ("a.topic.with.dots", "kafka://b1:9092,b2:9092", "kafka://b1:9092", "a.topic.with.dots"),
    ("/data/x.csv", None, "file", "/data/x.csv"),
    ("file:///data/x.csv", None, "file", "/data/x.csv"),
    ("C:\\data\\x.csv", None, "file", "/C:/data/x.csv"),
    ("file://srv/data/x", None, "file://srv", "/data/x"),
    ("s3a://b/raw/x/", None, "s3://b", "raw/x"),
    ("s3://b", None, "s3://b", "/"),
    ("wasb://c@a.blob.core.windows.net/x", None, "wasbs://c@a.blob.core.windows.net", "x"),
    (("topic", "p", "t"), "pubsub", "pubsub", "topic:p:t"),
    ("t1", "duckdb://:memory:", "inmemory://", "t1"),
    ("main.t", "duckdb:///srv/x.duckdb", "duckdb:///srv/x.duckdb", "main.t"),
]


@pytest.mark.parametrize(("dataset", "at", "namespace", "named"), SPECIFICATION)
def test_a_dataset_has_the_name_that_the_specification_gives_it(dataset, at, namespace, named):
    """One row of the specification's table, as a program spells the dataset and its system."""
    assert name(dataset, at) == Named(namespace, named)


def test_a_table_and_its_path_are_linked():
    """The table is the name, the path a symlink, named as the path itself would be."""
    named = name("main.sales.orders", HOST, path="s3n://lake/orders/day=1/part.parquet")
    assert named.symlinks == (name("s3://lake/orders").symlink(LOCATION),)


def test_a_volume_is_linked_with_its_path():
    """A volume has a name in the catalog and a directory."""
    named = name(DatasetRef(("main", "raw", "landing"), "volume", HOST))
    assert named[:2] == (f"unitycatalog://{HOST}", "main.raw.landing")
    assert named.symlinks == (Symlink(f"dbfs://{HOST}", "/Volumes/main/raw/landing", "LOCATION"),)


def test_datasets_of_operations_bring_their_own_system():
    """The host of a dataset is a workspace, or the URL of what resolves it; without one it is said to be unresolved."""
    assert name(DatasetRef(("main", "s", "t"), "table", HOST))[:2] == (f"unitycatalog://{HOST}", "main.s.t")
    assert name(DatasetRef(("s", "t"), "table", "hive://meta:9083"))[:2] == ("hive://meta:9083", "s.t")
    assert name(DatasetRef(("s3://b/x",), "path", HOST))[:2] == ("s3://b", "x")
    assert name(DatasetRef(("/Volumes/a/b/c/d.csv",), "path", HOST))[:2] == (f"dbfs://{HOST}", "/Volumes/a/b/c/d.csv")
    assert name(LOCAL_FILE) == Named("file", "file")
    assert name(DatasetRef(("s", "t"))) == Named(UNRESOLVED, "s.t")


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("https://a.blob.core.windows.net/c/p/x?sig=s", ("wasbs://c@a.blob.core.windows.net", "p/x")),
        ("https://a.dfs.core.windows.net/c/p", ("abfss://c@a.dfs.core.windows.net", "p")),
        ("https://b.s3.eu-west-1.amazonaws.com/k?X-Amz-Signature=s", ("s3://b", "k")),
        ("https://s3.amazonaws.com/b/k", ("s3://b", "k")),
        ("https://storage.googleapis.com/b/k", ("gs://b", "k")),
        ("https://u:p@files.acme.com:8443/x?t=1", ("https://files.acme.com:8443", "/x")),
    ],
)
def test_an_object_has_one_name_whatever_its_address(path, named):
    """What was read over HTTPS is the same object, and a signature is no part of its name."""
    assert name(path)[:2] == named


parts = st.text(st.sampled_from('ab.`"[]-_ é'), min_size=1, max_size=6)
resolved = st.sampled_from(
    [
        HOST,
        "hive://h:1",
        "snowflake://o-a",
        "jdbc:postgresql://h/d",
        "mssql://h",
        "trino://h",
        "jdbc:oracle:thin:@//h/s",
    ]
)


@settings(max_examples=50)
@given(st.lists(parts, min_size=3, max_size=3), resolved)
def test_the_parts_of_a_name_come_back(given_parts, at):
    """No two datasets of a system share a name, whatever their parts hold."""
    assert parts_of(name(given_parts, at)) == tuple(given_parts)


@settings(max_examples=50)
@given(st.lists(st.text(st.sampled_from("ab._"), min_size=1).map(str.strip), min_size=2, max_size=2))
def test_the_parts_of_a_table_of_glue_come_back(given_parts):
    """Glue separates by slashes."""
    assert parts_of(name(given_parts, "arn:aws:glue:eu-west-1:1")) == tuple(given_parts)


secret = st.text(st.sampled_from("S3cr%+/=!$&'()*,;:@?#[]"), min_size=4, max_size=12).map(lambda each: f"S3C{each}RET")
schemes = st.sampled_from(
    ["postgresql", "mysql+pymysql", "snowflake", "databricks", "redshift", "s3n", "https", "hive"]
)


@settings(max_examples=60)
@given(schemes, secret)
def test_no_password_of_a_url_becomes_a_part_of_a_name(scheme, password):
    """Wherever it stands, and whatever it holds that a URL should not; a URL that cannot be told apart is refused."""
    for url in (f"{scheme}://user:{password}@host.acme.com/db", f"{scheme}://host.acme.com/db?password={password}"):
        try:
            said = repr(name(url) if scheme in {"s3n", "https"} else name("a.b.c", url))
        except InvalidArgument as refused:
            said = str(refused)
        assert not re.search("S3C|RET", said, re.IGNORECASE)


@pytest.mark.parametrize("at", ["", "jdbc:nosuch://h/d", "two words", "jdbc:athena://", "https://"])
def test_what_names_no_system_is_refused(at):
    """An address that means nothing is not given a namespace."""
    with pytest.raises(InvalidArgument):
        name("a.b.c", at)


def test_every_namespace_names_itself():
    """What was named once can be resolved again: a namespace is a URL that gives the same namespace."""
    for _, at, namespace, _ in SPECIFICATION:
        is_instance = namespace == "mssql://h/one"  # what follows the host in a URL is a database
        if at is not None and not is_instance and not namespace.startswith(("dbfs", "file")):
            assert name(("a", "b", "c"), namespace).namespace == namespace
    assert len(SYSTEMS) > 30
