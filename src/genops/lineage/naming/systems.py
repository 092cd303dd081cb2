"""The systems that OpenLineage's naming specification knows, as data: how a namespace and a name are written in each.

Source: OpenLineage, docs/spec/naming.md; ports that a URL leaves out are those that OpenLineage's clients add. DuckDB
is not in it: a database file is `duckdb://{path}`, and one in memory is `inmemory://`.
"""

from __future__ import annotations

from typing import NamedTuple

from genops.lineage.naming.identifiers import join


class System(NamedTuple):
    """How the datasets of one system are named.

    Attributes:
        scheme: Of its namespace.
        dialect: How its names are spelled.
        arity: Parts of a complete name.
        port: The one that a namespace names where the URL names none; an empty string where it names none then.
        keeps_port: False where a namespace never names a port.
        template: Of a name with this many parts, where it is not dotted.
    """

    scheme: str
    dialect: str = "ansi"
    arity: int = 3
    port: str = ""
    keeps_port: bool = True
    template: str = ""

    def name(self, parts: tuple[str, ...]) -> str:
        """Return the name of these parts; one that is not complete is dotted as far as it is known."""
        if self.template and len(parts) == self.arity:
            return self.template.format(*parts)
        return parts[0] if self.arity == len(parts) == 1 else join(parts, self.dialect)


UNITY_CATALOG = System("unitycatalog", "databricks")
HIVE = System("hive", "hive", arity=2)
GLUE = System("arn:aws:glue", "glue", arity=2, template="table/{}/{}")
BIGQUERY = System("bigquery", "bigquery")
SNOWFLAKE = System("snowflake", "snowflake", keeps_port=False)
REDSHIFT = System("redshift", "redshift", port="5439")
MSSQL = System("mssql", "tsql", port="1433")
SYNAPSE = System("sqlserver", "tsql", arity=2, port="1433")
FABRIC = System("fabric-warehouse", "tsql")
ATHENA = System("awsathena", "athena", keeps_port=False)
POSTGRES = System("postgres", "postgres", port="5432")
MYSQL = System("mysql", "mysql", arity=2, port="3306")
ORACLE = System("oracle", "oracle", port="1521")
TRINO = System("trino", "trino", port="443")
CLICKHOUSE = System("clickhouse", "clickhouse", arity=2, port="8123")
TERADATA = System("teradata", arity=2, port="1025")
KAFKA = System("kafka", arity=1)
PUBSUB = System("pubsub", template="{}:{}:{}")
COSMOS = System("azurecosmos", arity=1, keeps_port=False, template="colls/{}")
KUSTO = System("azurekusto", arity=2, keeps_port=False, template="{}/{}")
DUCKDB = System("duckdb", "duckdb")
MEMORY = System("inmemory", "duckdb")

SYSTEMS = {
    "unitycatalog": UNITY_CATALOG,
    "databricks": UNITY_CATALOG,
    "hive": HIVE,
    "hive2": HIVE,
    "thrift": HIVE,
    "bigquery": BIGQUERY,
    "snowflake": SNOWFLAKE,
    "redshift": REDSHIFT,
    "mssql": MSSQL,
    "sqlserver": MSSQL,
    "fabric-warehouse": FABRIC,
    "awsathena": ATHENA,
    "athena": ATHENA,
    "postgres": POSTGRES,
    "postgresql": POSTGRES,
    "mysql": MYSQL,
    "mariadb": MYSQL,
    "oracle": ORACLE,
    "trino": TRINO,
    "presto": TRINO._replace(scheme="presto", port="8080"),
    "clickhouse": CLICKHOUSE,
    "ch": CLICKHOUSE,
    "teradata": TERADATA,
    "db2": System("db2", "db2", port="6789"),
    "crate": System("crate", "postgres", port="5432"),
    "oceanbase": System("oceanbase", "mysql", arity=2, port="2881"),
    "cassandra": System("cassandra", arity=2, port="9042"),
    "milvus": System("milvus", arity=2, port="19530"),
    "spanner": System("spanner"),
    "kafka": KAFKA,
    "pubsub": PUBSUB,
    "azurecosmos": COSMOS,
    "azurekusto": KUSTO,
    "duckdb": DUCKDB,
    "inmemory": MEMORY,
}
"""By the scheme of a URL, JDBC's without `jdbc:`, SQLAlchemy's without its driver."""
