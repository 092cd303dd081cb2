"""URLs of systems: what they name as the namespace of their tables, and which database they begin in.

Users, passwords and all other parameters of a URL are left out, whatever they are; only those that name the host, the
port or the database are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from genops.errors import InvalidArgument
from genops.lineage.naming import systems
from genops.lineage.naming.systems import SYSTEMS, System

_URL = re.compile(r"(?:jdbc:)?([A-Za-z][A-Za-z0-9_\-]*)(?:[+:][A-Za-z0-9_+:\-]*?)?:(?://)?(.*)", re.DOTALL)
_GLUE = re.compile(r"(arn:aws[a-z\-]*:glue:[^:/]+:[^:/]+)(?:[:/].*)?", re.DOTALL)
_HOST = r"(?:\[[0-9a-f:.%]*\]|[^:,\[\]/]*)(?::\d+)?"
_HOSTS = re.compile(rf"{_HOST}(?:,{_HOST})*(?:/.*)?", re.DOTALL)
_PAIR = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*([^;&,?]*)")
_BEGINNING_OF_PARAMETERS = re.compile(r"[?;#]")
_ORACLE = re.compile(r"(?:\[[^\]]*\]|[^:/\[]+)(?::\d+)?(?:[:/]([^:/]+))?")
_HOST_KEYS = ("servername", "server", "host", "endpoint")
_DATABASE_KEYS = (("conncatalog", "projectid", "catalog"), ("databasename", "database", "db", "defaultdataset"))
_SCHEMA_KEYS = ("connschema", "schema", "currentschema")


class Store(NamedTuple):
    """Where names are resolved.

    Attributes:
        system: How its datasets are named.
        namespace: Of its datasets.
        defaults: Leading parts of names that leave them out: the database that the URL begins in.
    """

    system: System
    namespace: str
    defaults: tuple[str, ...] = ()

    def name(self, parts: tuple[str, ...]) -> str:
        """Return the name of a dataset, with the parts that it leaves out and the URL names."""
        missing = self.system.arity - len(parts)
        return self.system.name(self.defaults[:missing] + parts if missing > 0 else parts)


def is_store(text: str) -> bool:
    """Whether a text is the URL of a system, and not that of a path or the name of a host.

    >>> [is_store(each) for each in ("jdbc:postgresql://h/db", "bigquery", "arn:aws:glue:eu-west-1:1", "s3://b")]
    [True, True, True, False]
    """
    found = _URL.fullmatch(text)
    return text in SYSTEMS or bool(_GLUE.fullmatch(text)) or (found is not None and found[1].lower() in SYSTEMS)


def store(url: str) -> Store:
    """Return what a URL names.

    Args:
        url: `unitycatalog://…`, `jdbc:…`, a URL of SQLAlchemy, the ARN of a Glue catalog, `bigquery`, or the host of a
            Databricks workspace with or without `https://`.

    Raises:
        InvalidArgument: It is none of them. The message does not say it: it may hold a password.

    >>> store("jdbc:postgresql://reader:secret@db.acme.com/shop?ssl=true")[1:]
    ('postgres://db.acme.com:5432', ('shop',))
    >>> store("arn:aws:glue:eu-west-1:123456789012:table/sales/orders").namespace
    'arn:aws:glue:eu-west-1:123456789012'
    """
    if glue := _GLUE.fullmatch(url):
        return Store(systems.GLUE, glue[1])
    if url in SYSTEMS:
        return Store(SYSTEMS[url], SYSTEMS[url].scheme)
    found = _URL.fullmatch(url)
    scheme = found[1].lower() if found else ""
    if not found or scheme in {"http", "https"} or (scheme not in SYSTEMS and "/" not in found[2]):
        return _workspace(url)
    if scheme not in SYSTEMS:
        raise InvalidArgument(f"at: no system of the naming specification has the scheme of this URL; {_EXPECTED}")
    return _checked(_of_system(SYSTEMS[scheme], _dissected(found[2])))


_EXPECTED = "expected a URL such as 'unitycatalog://host', 'jdbc:postgresql://host:5432/database' or the ARN of Glue"


class _Address(NamedTuple):
    """What is read of a URL: host and port, parts of its path, and parameters by their name in lower case."""

    authority: str
    path: tuple[str, ...]
    parameters: Mapping[str, str]


def _workspace(url: str) -> Store:
    host = url.partition("://")[2] if "://" in url else url
    host = re.split(r"[/?#;]", host.rpartition("@")[2], maxsplit=1)[0].lower()
    if not host or " " in host:
        raise InvalidArgument(f"at: names no host; {_EXPECTED}")
    return Store(systems.UNITY_CATALOG, f"unitycatalog://{host.removesuffix(':443')}")


def _dissected(rest: str) -> _Address:
    """Take apart what follows the scheme."""
    plain, *parameters = _BEGINNING_OF_PARAMETERS.split(rest, maxsplit=1)
    if parameters and "@" in parameters[0] and "=" not in parameters[0].partition("@")[0]:
        raise InvalidArgument("at: a password in this URL holds ?, ; or #; leave user and password out of it")
    pairs = _PAIR.findall(parameters[0]) if parameters else []
    if "=" in plain.partition("/")[0]:  # some drivers begin with their parameters
        plain, pairs = "", [*_PAIR.findall(plain), *pairs]
    elif "=" in plain:  # Teradata's stand after a slash, DB2's after the database and a colon
        plain, given = _before_parameters(plain)
        pairs += _PAIR.findall(given)
    authority, _, path = _without_user(plain).partition("/")
    parts = tuple(part for part in path.split("/") if part)
    return _Address(authority.lower(), parts, {key.lower(): value for key, value in pairs})


def _before_parameters(plain: str) -> tuple[str, str]:
    """Return an address, with its database where a colon ends it, and the parameters that follow."""
    database, colon, given = plain.rpartition("=")[0].partition("/")[2].partition(":")
    if colon and "=" not in database:
        at = plain.index("/") + 1 + len(database)
        return plain[:at], plain[at + 1 :]
    address, _, given = plain.partition("/")
    return address, given


def _without_user(plain: str) -> str:
    """Return a URL's address without user and password; the password may hold slashes."""
    return plain.rpartition("@")[2].removeprefix("//")


def _checked(found: Store) -> Store:
    """Refuse what holds a colon where no port follows: it may be a user with a password."""
    rest = found.namespace.partition("://")[2]
    if found.system not in {systems.DUCKDB, SYSTEMS["spanner"]} and not _HOSTS.fullmatch(rest):
        raise InvalidArgument("at: the URL has a colon where no port follows; leave user and password out of it")
    return found


def _of_system(system: System, address: _Address) -> Store:
    if system in _SPECIAL:
        return _SPECIAL[system](system, address)
    return Store(system, f"{system.scheme}://{_authority(system, address)}", _defaults(address))


def _authority(system: System, address: _Address) -> str:
    """Return hosts with the ports that the specification demands."""
    given = address.authority or next((address.parameters[key] for key in _HOST_KEYS if key in address.parameters), "")
    port = address.parameters.get("portnumber") or address.parameters.get("dbs_port") or system.port
    hosts = (each.partition("://")[2] or each for each in given.lower().split(","))
    if not system.keeps_port:
        return ",".join(re.sub(r":\d*$", "", each) for each in hosts)
    return ",".join(each if not port or re.search(r":\d+$", each) else f"{each}:{port}" for each in hosts)


def _defaults(address: _Address) -> tuple[str, ...]:
    """Return the database, and the schema where it is named too."""
    named = [address.parameters[key] for keys in _DATABASE_KEYS for key in keys if address.parameters.get(key)]
    found = (*(address.path or named), *(address.parameters[key] for key in _SCHEMA_KEYS if key in address.parameters))
    return tuple(part for part in found if part)


def _unity_catalog(system: System, address: _Address) -> Store:
    namespace = f"unitycatalog://{address.authority.removesuffix(':443')}"
    keys = ("conncatalog", "catalog", "connschema", "schema")
    # A URL's path is the schema of the old metastore in some drivers and nothing in others.
    return Store(system, namespace, tuple(address.parameters[key] for key in keys if address.parameters.get(key)))


def _hive(system: System, address: _Address) -> Store:
    return Store(system, f"hive://{address.authority}", address.path[:1])


def _bigquery(system: System, address: _Address) -> Store:
    named = address.parameters.get("projectid"), address.parameters.get("defaultdataset")
    if any(named):
        return Store(system, "bigquery", tuple(each for each in named if each))
    return Store(system, "bigquery", tuple(each for each in (address.authority, *address.path) if each))


def _snowflake(system: System, address: _Address) -> Store:
    account = re.sub(r":\d*$", "", address.authority).removesuffix(".snowflakecomputing.com")
    named = address.parameters.get("db") or address.parameters.get("database"), address.parameters.get("schema")
    return Store(system, f"snowflake://{account}", address.path or tuple(each for each in named if each))


def _redshift(system: System, address: _Address) -> Store:
    """`cluster.id.region.redshift.amazonaws.com` is `cluster.region`."""
    host, _, port = _authority(system, address).partition(":")
    labels = host.split(".")
    if host.endswith((".amazonaws.com", ".amazonaws.com.cn")) and len(labels) > 3:  # noqa: PLR2004  (cluster, id, region)
        host = f"{labels[0]}.{labels[2]}"
    return Store(system, f"redshift://{host}:{port}", _defaults(address))


def _mssql(system: System, address: _Address) -> Store:
    host, _, instance = address.authority.partition("\\")
    instance, _, port = instance.partition(":")
    host = f"{host}:{port}" if port else host
    if host.partition(":")[0].endswith(".sql.azuresynapse.net"):
        system = systems.SYNAPSE
    elif ".datawarehouse.fabric.microsoft.com" in host:
        system = systems.FABRIC
    instance = instance or address.parameters.get("instancename", "") or address.parameters.get("instance", "")
    # An instance has a port of its own, which its server knows.
    authority = host if instance else _authority(system, address._replace(authority=host))
    defaults = _defaults(address)
    # Synapse's names begin at the schema.
    defaults = defaults[1:] if system is systems.SYNAPSE else defaults
    return Store(system, f"{system.scheme}://{authority}" + (f"/{instance}" if instance else ""), defaults)


def _oracle(system: System, address: _Address) -> Store:
    """`thin:@//host:1521/service`, `thin:@host:1521:sid`."""
    whole = "/".join((address.authority, *address.path))
    found = _ORACLE.fullmatch(whole.rpartition("@")[2].lstrip("/"))
    if not found:
        raise InvalidArgument(
            "at: this form of Oracle's URL is not read; expected jdbc:oracle:thin:@//host:port/service"
        )
    host = found[0][: found.start(1) - 1] if found[1] else found[0]
    return Store(system, f"oracle://{_authority(system, address._replace(authority=host))}", found.groups()[:1])


def _athena(system: System, address: _Address) -> Store:
    region = address.parameters.get("awsregion") or address.parameters.get("region")
    host = re.sub(r":\d*$", "", address.authority) or (f"athena.{region}.amazonaws.com" if region else "")
    if not host:
        raise InvalidArgument("at: Athena's URL names neither a host nor a region")
    return Store(system, f"awsathena://{host}")


def _kafka(system: System, address: _Address) -> Store:
    """Of several brokers the first one names the cluster."""
    return Store(system, f"kafka://{address.authority.split(',')[0].rpartition('//')[2]}")


def _cosmos(system: System, address: _Address) -> Store:
    return Store(system, "/".join((f"azurecosmos://{address.authority}", *address.path)))


def _spanner(system: System, address: _Address) -> Store:
    """`projects/p/instances/i/databases/d`, or `project:instance/database`."""
    where = dict(zip(address.path[::2], address.path[1::2], strict=False))
    if address.authority == "projects":
        where = dict(zip(address.path[1::2], address.path[2::2], strict=False))
        project = f"{address.path[0]}:{where.get('instances', '')}"
        return Store(system, f"spanner://{project}", tuple(filter(None, (where.get("databases"),))))
    return Store(system, f"spanner://{address.authority}", address.path[:1])


def _duckdb(system: System, address: _Address) -> Store:
    path = "/".join((address.authority, *address.path))
    if system is systems.MEMORY or path.strip("/") in {"", ":memory:"}:
        return Store(systems.MEMORY, "inmemory://")
    return Store(system, f"duckdb://{path}")


def _fixed(system: System, address: _Address) -> Store:
    return Store(system, system.scheme, tuple(each for each in (address.authority, *address.path) if each))


_SPECIAL: dict[System, Callable[[System, _Address], Store]] = {
    systems.UNITY_CATALOG: _unity_catalog,
    systems.HIVE: _hive,
    systems.BIGQUERY: _bigquery,
    systems.SNOWFLAKE: _snowflake,
    systems.REDSHIFT: _redshift,
    systems.MSSQL: _mssql,
    systems.ORACLE: _oracle,
    systems.ATHENA: _athena,
    systems.KAFKA: _kafka,
    systems.COSMOS: _cosmos,
    SYSTEMS["spanner"]: _spanner,
    systems.DUCKDB: _duckdb,
    systems.MEMORY: _duckdb,
    systems.PUBSUB: _fixed,
}
