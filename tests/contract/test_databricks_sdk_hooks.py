"""Putting the hooks in and taking them out, in every order of imports."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
import wrapt

from genops.instrumentation import databricks_sdk

CHECK = """
    import inspect, sys
    from genops.instrumentation import databricks_sdk as hooks
    def wrapped():
        found = []
        for name, module in list(sys.modules.items()):
            if name.startswith(("databricks.sdk.service.", "databricks.sdk.mixins.")):
                for kind in list(vars(module).values()):
                    if inspect.isclass(kind) and kind.__module__ == name and kind.__name__.endswith(("API", "Ext")):
                        public = {k: v for k, v in vars(kind).items() if not k.startswith("_") and callable(v)}
                        found += [hasattr(v, "__wrapped__") for v in public.values()]
        return found
"""
ORDERS = {
    "hooks first": """
        hooks.install()
        assert not any(name.startswith("databricks") for name in sys.modules), "install imported the SDK"
        assert hooks.installed() == 0
        import databricks.sdk
        assert all(wrapped()) and hooks.installed() >= len(wrapped()) > 500
    """,
    "one module first": """
        hooks.install()
        from databricks.sdk.service.catalog import CatalogsAPI
        assert hasattr(CatalogsAPI.get, "__wrapped__") and all(wrapped())
    """,
    "the SDK first": """
        import databricks.sdk
        assert not any(wrapped())
        hooks.install()
        assert all(wrapped())
    """,
    "a module of the SDK later": """
        import databricks.sdk
        hooks.install()
        import pkgutil, importlib, databricks.sdk.service as service, databricks.sdk.mixins as mixins
        for package in (service, mixins):
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{package.__name__}.{module.name}")
        assert all(wrapped())
    """,
    "taken out before the import": """
        hooks.install()
        hooks.uninstall()
        import databricks.sdk
        assert not any(wrapped()) and hooks.installed() == 0
        hooks.install()
        assert all(wrapped())
    """,
}


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_of_imports(order):
    """Hooks before or after the import of the SDK or of one module of it: all is patched, or nothing."""
    _run(ORDERS[order])


def test_wrapt_without_its_c_code():
    """Where wrapt runs without its C code, the frames between caller and hook do not mislead us."""
    _run(
        """
        from support.calls import clients
        from support.hooks import watched
        from support.stub import serving
        with serving() as stub, watched() as watch:
            client, _ = clients(stub.url)
            client.current_user.me()
            client.api_client.do("GET", "/api/2.0/x")
        assert watch.types() == ["current_user.me", "api.get"], watch.types()
        """,
        WRAPT_DISABLE_EXTENSIONS="1",
    )


def _run(body, **environment):
    program = textwrap.dedent(CHECK) + textwrap.dedent(body)
    env = {**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def method():
    """A class of the SDK and its plain method; whatever a test does to it is undone."""
    from databricks.sdk.service.catalog import CatalogsAPI

    original = vars(CatalogsAPI)["get"]
    yield CatalogsAPI, original
    CatalogsAPI.get = original
    databricks_sdk.uninstall()


def _layer(wrapped, instance, args, kwargs):
    return wrapped(*args, **kwargs)


def test_a_layer_below_is_put_back(method):
    """Uninstalling restores what was there before, somebody else's layer included."""
    owner, _ = method
    wrapt.wrap_function_wrapper(owner, "get", _layer)
    theirs = vars(owner)["get"]
    databricks_sdk.install()
    databricks_sdk.uninstall()
    assert vars(owner)["get"] is theirs


def test_a_layer_above_keeps_ours_silent_below_it(method):
    """Uninstalling below somebody's layer leaves theirs alone; ours comes out once theirs is gone."""
    owner, original = method
    databricks_sdk.install()
    wrapt.wrap_function_wrapper(owner, "get", _layer)
    theirs = vars(owner)["get"]
    databricks_sdk.uninstall()
    assert vars(owner)["get"] is theirs
    assert databricks_sdk.installed() == 0
    databricks_sdk.install()
    assert vars(owner)["get"] is theirs
    owner.get = theirs.__wrapped__
    databricks_sdk.uninstall()
    assert vars(owner)["get"] is original


def test_what_is_installed_is_counted():
    """`installed` says how many methods are wrapped, and 0 when none is."""
    databricks_sdk.install()
    count = databricks_sdk.installed()
    databricks_sdk.install()
    assert databricks_sdk.installed() == count > 500
    databricks_sdk.uninstall()
    assert databricks_sdk.installed() == 0
