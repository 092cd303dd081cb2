"""Representative methods of the SDK, plain and under every circumstance: the program must not see a difference."""

from __future__ import annotations

import contextlib
import os

import pytest
import wrapt

from genops.core.ports import TABLES
from genops.instrumentation import databricks_describe, databricks_sdk
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
METHODS = {str(method): method for method in methods()}


class Broken:
    """Every port at once, and none of them works."""

    needs = frozenset({TABLES})
    blocking = queued = False

    def __getattr__(self, name):
        raise OSError(f"{name} is broken")


@contextlib.contextmanager
def governed():
    """As it should be."""
    with active(), hooked():
        yield


@contextlib.contextmanager
def all_broken():
    """Sink, policy, resolver, ledger, pricer, tracer and the description itself raise, and mode is observe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(databricks_describe, "config_of", _raise)
        patch.setattr(databricks_sdk, "_answered", _raise)
        broken = Broken()
        ports = dict.fromkeys(("policy", "resolver", "ledger", "pricer", "tracer"), broken)
        with active(sinks=[broken], **ports), hooked():
            yield


def _raise(*_):
    raise RuntimeError("broken")


@contextlib.contextmanager
def installed_twice():
    """The one line, written twice."""
    with governed():
        databricks_sdk.install()
        yield


@contextlib.contextmanager
def layered(*, above):
    """Somebody else wraps the same methods with wrapt, before us or after us."""
    seen = []

    def other(wrapped, instance, args, kwargs):
        seen.append(wrapped)
        return wrapped(*args, **kwargs)

    with contextlib.ExitStack() as stack:
        if above:
            stack.enter_context(governed())
        for name in REPRESENTATIVE:
            owner, method = METHODS[name].owner, METHODS[name].name
            stack.callback(setattr, owner, method, vars(owner)[method])
            wrapt.wrap_function_wrapper(owner, method, other)
        if not above:
            stack.enter_context(governed())
        yield
    assert len(seen) >= len(REPRESENTATIVE)


CIRCUMSTANCES = {
    "governed": governed,
    "all broken": all_broken,
    "installed twice": installed_twice,
    "a layer below": lambda: layered(above=False),
    "a layer above": lambda: layered(above=True),
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Run every method in every case under every circumstance, and plain."""
    patch = pytest.MonkeyPatch()
    quick(patch)
    patch.setenv("DATABRICKS_CONFIG_FILE", os.devnull)
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

        runs = {"plain": everything()}
        for name, circumstance in CIRCUMSTANCES.items():
            with circumstance():
                runs[name] = everything()
    patch.undo()
    return runs


@pytest.mark.faults
@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
@pytest.mark.parametrize("name", REPRESENTATIVE)
def test_the_program_sees_no_difference(seen, name, circumstance):
    """Same requests in the same order, same result or same exception, whatever goes on in genops."""
    governed_runs = {case: seen[circumstance][name, case] for case in CASES}
    assert governed_runs == {case: seen["plain"][name, case] for case in CASES}


@pytest.mark.faults
def test_the_cases_are_what_they_say(seen):
    """Success returns, not found raises, and a throttled or reset call is sent again."""
    plain = seen["plain"]
    assert sum(plain[name, "success"].error is None for name in REPRESENTATIVE) > 0.95 * len(REPRESENTATIVE)
    assert sum(plain[name, "not found"].error is not None for name in REPRESENTATIVE) > 0.9 * len(REPRESENTATIVE)
    for case in ("throttled once", "reset once"):
        assert sum(plain[name, case].error is None for name in REPRESENTATIVE) > 0.9 * len(REPRESENTATIVE)
