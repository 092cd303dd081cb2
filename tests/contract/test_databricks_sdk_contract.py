"""Representative methods of the SDK, plain and under every circumstance: the program must not see a difference."""

from __future__ import annotations

import contextlib
import os
from collections import Counter

import pytest
import wrapt
from opentelemetry.sdk._logs import export as log_export
from opentelemetry.sdk.trace.export import SpanExporter

from genops.core.ports import TABLES, AllowAll, BareScope, NoBudgets, NoPrices, NoTracer
from genops.core.records import Settled
from genops.instrumentation import databricks_sdk
from genops.runtime import Runtime, swapped
from genops.settings import load
from genops.telemetry.export import Exporters
from support.calls import answers, clients, methods, quick, run, services
from support.canaries import answered, given
from support.hooks import hooked
from support.recording import active
from support.stub import RESET, Answer, serving

REPRESENTATIVE = """
    CatalogsAPI.list CatalogsAPI.get CatalogsAPI.create CatalogsAPI.update CatalogsAPI.delete
    SchemasAPI.list SchemasAPI.get SchemasAPI.create SchemasAPI.delete
    TablesAPI.list TablesAPI.list_summaries TablesAPI.get TablesAPI.exists TablesAPI.create TablesAPI.delete
    VolumesAPI.list VolumesAPI.read VolumesAPI.create VolumesAPI.update VolumesAPI.delete
    FunctionsAPI.list FunctionsAPI.get FunctionsAPI.create
    RegisteredModelsAPI.list RegisteredModelsAPI.get RegisteredModelsAPI.create ModelVersionsAPI.list
    GrantsAPI.get GrantsAPI.update EntityTagAssignmentsAPI.list MetastoresAPI.summary MetastoresAPI.current
    OnlineTablesAPI.create QualityMonitorsAPI.get TableConstraintsAPI.create ExternalLocationsAPI.list
    TemporaryTableCredentialsAPI.generate_temporary_table_credentials
    WarehousesAPI.list WarehousesAPI.get WarehousesAPI.create WarehousesAPI.start WarehousesAPI.stop_and_wait
    WarehousesAPI.wait_get_warehouse_running
    StatementExecutionAPI.execute_statement StatementExecutionAPI.get_statement
    StatementExecutionAPI.cancel_execution StatementExecutionAPI.get_statement_result_chunk_n
    QueryHistoryAPI.list QueriesAPI.list AlertsAPI.get
    ClustersAPI.list ClustersAPI.get ClustersAPI.create ClustersAPI.edit_and_wait ClustersAPI.events
    ClustersExt.ensure_cluster_is_running LibrariesAPI.cluster_status InstancePoolsAPI.list
    JobsExt.list JobsExt.get JobsExt.get_run JobsExt.list_runs JobsAPI.create JobsAPI.run_now JobsAPI.submit_and_wait
    PipelinesAPI.list_pipelines PipelinesAPI.start_update PipelinesAPI.stop
    ServingEndpointsAPI.list ServingEndpointsAPI.query ServingEndpointsAPI.create VectorSearchIndexesAPI.query_index
    FilesAPI.create_directory FilesExt.upload FilesExt.download FilesAPI.list_directory_contents DbfsExt.list
    WorkspaceExt.list WorkspaceExt.download SecretsAPI.put_secret SecretsAPI.list_scopes TokensAPI.create
    CurrentUserAPI.me UsersAPI.list GroupsAPI.get PermissionsAPI.update DashboardsAPI.list LakeviewAPI.get
    PostgresAPI.create_branch AppsAPI.deploy_and_wait AccountMetastoresAPI.list BudgetsAPI.list WorkspacesAPI.create
""".split()  # noqa: SIM905  (a table of words)
THROTTLED = Answer(429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "slow down"}, (("Retry-After", "1"),))
MISSING = Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "not there"})
CASES = {
    "success": lambda normal: normal,
    "not found": lambda _: lambda _: MISSING,
    "throttled once": lambda normal: lambda number: normal(number - 1) if number else THROTTLED,
    "reset once": lambda normal: lambda number: normal(number - 1) if number else RESET,
}
CALLS = len(REPRESENTATIVE) * len(CASES)
METHODS = {str(method): method for method in methods()}
WHO = {"team": "data-eng", "project": "sales", "environment": "test"}


class Broken:
    """Every port at once, and none of them works."""

    needs = frozenset()
    blocking = queued = False

    def __getattr__(self, name):
        raise OSError(f"{name} is broken")


def _raise(*_):
    raise RuntimeError("broken")


class TablesAsked(AllowAll):
    """A policy that needs a resolver."""

    needs = frozenset({TABLES})


class BrokenBooks(NoBudgets):
    """A ledger that grants, and then cannot take down what was used."""

    reconcile = release = adjust = _raise


class BrokenPrices(NoPrices):
    """A pricer that estimates, and then cannot price."""

    price = _raise


class BrokenSpan(BareScope):
    """A span that begins, and cannot end."""

    exit = close = _raise


class BrokenSpans(NoTracer):
    """A tracer whose spans break after the call."""

    def open(self, *_):
        """Return such a span."""
        return BrokenSpan()


class BrokenEnd:
    """A sink that takes admissions, and no settlements."""

    def write(self, record):
        """Take a record."""
        if isinstance(record, Settled):
            raise OSError("the disk is full")


class BrokenTraces(SpanExporter):
    """An exporter of spans that raises, at its end too."""

    export = shutdown = force_flush = _raise


# Until version 1.38 the SDK calls it by its shorter name.
_LogExporter = getattr(log_export, "LogRecordExporter", None) or log_export.LogExporter


class BrokenLogs(_LogExporter):
    """An exporter of log records that raises, at its end too."""

    export = shutdown = force_flush = _raise


# A circumstance gives a function that tells how often which part of genops failed: by place, or by exported signal.


@contextlib.contextmanager
def governed(**ports):
    """As it should be, but for what is given."""
    with active(**ports) as governor, hooked():
        yield lambda: Counter(governor.guard.counts)


@contextlib.contextmanager
def sites(**fields):
    """Change what is known of every method."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("site_of", "waiter_site"):
            original = getattr(databricks_sdk, name)
            patch.setattr(databricks_sdk, name, lambda *args, original=original: original(*args)._replace(**fields))
        yield patch


@contextlib.contextmanager
def description_raises():
    """No call can be described; mode is observe."""
    with sites(describe=_raise), governed() as faults:
        yield faults


@contextlib.contextmanager
def ports_raise():
    """Calls are described, and policy, ledger, pricer, tracer, sink and every hook raise at once; mode is observe."""
    with sites(observe=_raise, failed=_raise) as patch:
        patch.setattr(databricks_sdk, "_answered", _raise)
        patch.setattr(databricks_sdk, "_refused", _raise)
        broken = Broken()
        with governed(sinks=[broken], **dict.fromkeys(("policy", "ledger", "pricer", "tracer"), broken)) as faults:
            yield faults


def ports_raise_late():
    """The resolver raises, and everything else once the call is under way."""
    return governed(
        policy=TablesAsked(),
        resolver=Broken(),
        ledger=BrokenBooks(),
        pricer=BrokenPrices(),
        tracer=BrokenSpans(),
        sinks=[BrokenEnd()],
    )


@contextlib.contextmanager
def real_runtime():
    """What `genops.configure` builds, with exporters that raise inside the call."""
    destination = Exporters("broken", traces=BrokenTraces(), logs=BrokenLogs())
    settings = load({**WHO, "export": "none", "async_export": False}, ambient=False)
    built = Runtime(settings, destinations=[destination])

    def faults():
        lost = {f"export:{delivery.signal}": delivery.failed for delivery in built.telemetry.health()}
        return Counter(built.guard.counts) + Counter(lost)

    with swapped(built), hooked():
        yield faults
        assert sum(row.units for row in built.totals.rows()) >= CALLS
        assert not any(delivery.exported for delivery in built.telemetry.health())


@contextlib.contextmanager
def otel_disabled():
    """The same, with `OTEL_SDK_DISABLED=true`: no exporter is ever asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_SDK_DISABLED", "true")
        with real_runtime() as faults:
            yield faults


@contextlib.contextmanager
def installed_twice():
    """The one line, written twice."""
    with governed() as faults:
        databricks_sdk.install()
        yield faults


@contextlib.contextmanager
def layered(*, above):
    """Somebody else wraps the same methods with wrapt, before us or after us."""
    seen = []

    def other(wrapped, instance, args, kwargs):
        seen.append(wrapped)
        return wrapped(*args, **kwargs)

    with contextlib.ExitStack() as stack:
        faults = stack.enter_context(governed()) if above else None
        for name in REPRESENTATIVE:
            owner, method = METHODS[name].owner, METHODS[name].name
            stack.callback(setattr, owner, method, vars(owner)[method])
            wrapt.wrap_function_wrapper(owner, method, other)
        yield faults or stack.enter_context(governed())
    assert len(seen) >= len(REPRESENTATIVE)


CIRCUMSTANCES = {
    "governed": governed,
    "description raises": description_raises,
    "ports raise": ports_raise,
    "ports raise late": ports_raise_late,
    "exporters raise": real_runtime,
    "OTEL_SDK_DISABLED": otel_disabled,
    "installed twice": installed_twice,
    "a layer below": lambda: layered(above=False),
    "a layer above": lambda: layered(above=True),
}
# What fails in every call of a circumstance, and what in some; nothing else does.
ALWAYS = {
    "description raises": {"describe"},
    "ports raise": {"policy", "ledger", "pricer", "tracer", "sink:Broken"},
    "ports raise late": {"policy", "ledger", "pricer", "tracer", "sink:BrokenEnd"},
    "exporters raise": {"export:traces", "export:logs"},
}
SOMETIMES = {"ports raise": {"observe", "attempt"}}


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Run every method in every case under every circumstance, and plain."""
    patch = pytest.MonkeyPatch()
    quick(patch)
    patch.setenv("DATABRICKS_CONFIG_FILE", os.devnull)
    patch.delenv("OTEL_SDK_DISABLED", raising=False)
    patch.chdir(tmp_path_factory.mktemp("cwd"))
    with serving() as stub:
        found = services(*clients(stub.url, disable_experimental_files_api_client=True))
        normal = {name: answers(METHODS[name], answered(METHODS[name])) for name in REPRESENTATIVE}

        def one(name, case):
            answer, method = normal[name], METHODS[name]
            scripted = CASES[case](lambda number: Answer(body=answer(number)))
            return run(stub, found[method.owner], method, given(method), scripted)

        def everything():
            return {(name, case): one(name, case) for name in REPRESENTATIVE for case in CASES}

        runs, faults = {"plain": everything()}, {}
        for name, circumstance in CIRCUMSTANCES.items():
            with circumstance() as failed:
                runs[name] = everything()
                faults[name] = failed()
    patch.undo()
    return runs, faults


@pytest.mark.faults
@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
@pytest.mark.parametrize("name", REPRESENTATIVE)
def test_the_program_sees_no_difference(seen, name, circumstance):
    """Same requests in the same order, same result or same exception, whatever goes on in genops."""
    runs, _ = seen
    governed_runs = {case: runs[circumstance][name, case] for case in CASES}
    assert governed_runs == {case: runs["plain"][name, case] for case in CASES}


@pytest.mark.faults
@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
def test_the_circumstances_are_what_they_say(seen, circumstance):
    """What a circumstance breaks is asked in every call and fails there, and nothing else fails."""
    counts = Counter()
    for place, count in seen[1][circumstance].items():
        counts[place if place.startswith(("sink:", "export:")) else place.partition(":")[0]] += count
    always = ALWAYS.get(circumstance, set())
    assert set(counts) == always | SOMETIMES.get(circumstance, set())
    assert {place: counts[place] for place in always if counts[place] < CALLS} == {}


@pytest.mark.faults
def test_the_cases_are_what_they_say(seen):
    """Success returns, not found raises, and a throttled or reset call is sent again."""
    plain = seen[0]["plain"]
    assert sum(plain[name, "success"].error is None for name in REPRESENTATIVE) > 0.95 * len(REPRESENTATIVE)
    assert sum(plain[name, "not found"].error is not None for name in REPRESENTATIVE) > 0.9 * len(REPRESENTATIVE)
    for case in ("throttled once", "reset once"):
        assert sum(plain[name, case].error is None for name in REPRESENTATIVE) > 0.9 * len(REPRESENTATIVE)
