"""`genops run` and the entry point before the SDK comes in: nothing is loaded, nothing stands in the way or breaks."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from genops.cli.run import STARTUP
from support import zero_code
from support.zero_code import GENOPS_RUN, OTEL

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX processes")
LOADED = """
import sys
ours = {"genops", "wrapt", "opentelemetry", "pydantic", "databricks"}
print(sorted(ours & {name.partition(".")[0] for name in sys.modules}))
"""
# What a program sees once it has imported the SDK, or what stands in for it here.
GOVERNED = """
import databricks.sdk, sys
from genops.core import current
print("governed" if current.slot.governor is not None else "ungoverned")
"""


@pytest.fixture
def run(tmp_path):
    """Run a command below `genops run` in an environment; return what it printed."""

    def finish(*command, **more):
        return zero_code.run([*GENOPS_RUN, *command], tmp_path, zero_code.environment(**more))

    return finish


@pytest.fixture
def sdk(tmp_path):
    """A folder with an empty package in the place of the SDK, whose import takes no second."""
    package = tmp_path / "stand-in" / "databricks" / "sdk"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package.parent / "__init__.py").touch()
    return str(tmp_path / "stand-in")


def other(folder, body):
    """A folder with a sitecustomize of somebody else."""
    found = folder / "other"
    found.mkdir()
    (found / "sitecustomize.py").write_text(body)
    return str(found)


def test_a_program_without_the_sdk_loads_nothing(run):
    """Where the SDK is not imported nothing of genops is loaded, and nothing of it is on the path."""
    printed = run("python", "-c", LOADED + f"print({STARTUP!r} in sys.path)")
    assert printed == "[]\nFalse\n"


def test_a_library_that_is_looked_for_and_not_there_loads_nothing(run, tmp_path):
    """Looking for an SDK that is not installed loads nothing; it is governed where it comes later."""
    (tmp_path / "stand-in" / "databricks").mkdir(parents=True)
    (tmp_path / "stand-in" / "databricks" / "__init__.py").touch()
    later = """
import importlib.util, os
assert importlib.util.find_spec("databricks.sdk") is None
assert not any(name.startswith("genops") for name in __import__("sys").modules)
os.mkdir("stand-in/databricks/sdk")
open("stand-in/databricks/sdk/__init__.py", "w").close()
importlib.invalidate_caches()
"""
    assert run("python", "-c", later + GOVERNED, PYTHONPATH="stand-in") == "governed\n"


def test_the_sitecustomize_below_runs_as_if_ours_were_not_there(run, tmp_path):
    """The sitecustomize that would have run does, once, under its name, and children inherit both."""
    folder = other(tmp_path, "print('theirs', __name__, flush=True)")
    child = "import subprocess, sys; import sitecustomize; print(sitecustomize.__file__, flush=True)\n"
    child += "subprocess.run([sys.executable, '-c', 'pass'], check=True)"
    printed = run("python", "-c", child, PYTHONPATH=folder)
    theirs = "theirs sitecustomize"
    # The first one is that of the interpreter of `genops run` itself.
    assert printed.splitlines() == [theirs, theirs, str(Path(folder) / "sitecustomize.py"), theirs]


@pytest.mark.parametrize("body", ["raise ValueError('theirs')", "import not_there"])
def test_a_sitecustomize_that_fails_fails_as_ever(tmp_path, body):
    """What the interpreter says of a broken sitecustomize is the same with and without `genops run`."""
    folder = other(tmp_path, body)
    env = zero_code.environment(PYTHONPATH=folder)
    said = [
        subprocess.run([*before, "python", "-c", "print('on')"], env=env, capture_output=True, text=True, check=True)
        for before in ([], GENOPS_RUN)
    ]
    assert said[0].stdout == said[1].stdout == "on\n"
    assert said[0].stderr.splitlines()[-1] == said[1].stderr.splitlines()[-1] != ""


def test_the_command_takes_the_place_of_the_process(tmp_path):
    """The command has the same process id, standard input and exit code, and ends by the signals that it gets."""
    env = zero_code.environment()
    pipes = {"stdin": subprocess.PIPE}
    with zero_code.started([*GENOPS_RUN, "sh", "-c", "echo $$; cat; exit 7"], tmp_path, env, **pipes) as process:
        out, _ = process.communicate("given\n", timeout=240)
        assert (out, process.returncode) == (f"{process.pid}\ngiven\n", 7)
    with zero_code.started([*GENOPS_RUN, "sh", "-c", "kill -PIPE $$; echo ignored"], tmp_path, env) as process:
        out, _ = process.communicate(timeout=240)
        assert (out, process.returncode) == ("", -signal.SIGPIPE)


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["no-such-command"], 127, "genops run: no-such-command: command not found\n"),
        ([""], 127, "genops run: '': command not found, because its name is empty\n"),
        (["./plain.txt"], 126, "genops run: ./plain.txt cannot be run: Permission denied\n"),
        ([], 2, "Missing argument"),
    ],
)
def test_what_cannot_be_run(tmp_path, command, code, said):
    """A command that is not there, may not be run, or was not given ends with a shell's exit code and one line."""
    (tmp_path / "plain.txt").touch(0o644)
    with zero_code.started([*GENOPS_RUN, *command], tmp_path, zero_code.environment()) as process:
        out, err = process.communicate(timeout=240)
    assert (process.returncode, out) == (code, "")
    assert said in err
    assert "Traceback" not in err


def test_every_kind_of_python_command(run, sdk, tmp_path):
    """A script with a shebang, and pytest, are governed as `python` is."""
    script = tmp_path / "script"
    script.write_text(f"#!{sys.executable}\n{GOVERNED}")
    script.chmod(0o755)
    assert run("./script", PYTHONPATH=sdk) == "governed\n"
    body = f"exec({GOVERNED!r}); assert 'un' not in capsys.readouterr().out"
    (tmp_path / "test_theirs.py").write_text(f"def test_theirs(capsys): {body}")
    assert "1 passed" in run("pytest", "-q", "-p", "no:cacheprovider", "test_theirs.py", PYTHONPATH=sdk)


def test_an_interpreter_without_genops(run, sdk, tmp_path):
    """An interpreter in which genops is not installed goes on as ever, and one line says that it is not governed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    printed = run(python, "-c", "import databricks.sdk; import databricks.sdk; print('on')", PYTHONPATH=sdk)
    on, said = printed.splitlines()
    assert on == "on"
    assert said == (
        f"genops run: {python} cannot load genops (No module named 'genops'), so its calls are not governed: "
        "install genops there."
    )


def test_interpreters_of_other_versions(run, tmp_path):
    """Any interpreter of the machine, of whatever age, runs below `genops run` as ever and says nothing of it."""
    folder = other(tmp_path, "print('theirs')")
    text = (Path(STARTUP) / "sitecustomize.py").read_text("utf-8")
    assert text.isascii()
    ast.parse(text, feature_version=(3, 4))
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for python in [sys.executable, *map(str, sorted(root.glob("versions/*/bin/python")))]:
        printed = run(python, "-c", "print('on')", PYTHONPATH=folder)
        assert printed == "theirs\ntheirs\non\n", python  # the first is that of the interpreter of `genops run`


def test_settings_that_cannot_be_honoured_break_nothing(run, sdk):
    """A wrong setting in the environment is said in one line, and the program runs to its good end."""
    printed = run("python", "-c", GOVERNED, PYTHONPATH=sdk, GENOPS_MODE="obsrve")
    on, said = printed.splitlines()
    assert on == "ungoverned"
    assert "mode='obsrve' (from environment variable GENOPS_MODE)" in said


UNREADABLE = """
import os, sys
import genops.runtime, genops.settings, genops.zero_code, genops.instrumentation.databricks_sdk, genops.telemetry.wiring
os.makedirs("closed/deep")
os.chdir("closed/deep")
os.chmod("..", 0)
if not os.getuid():
    os.setuid(65534)
genops.zero_code.govern()
print(genops.runtime.active().settings.attribution.team)
try:
    os.stat(os.path.join(os.getcwd(), "genops.toml"))
except PermissionError:
    print("closed")
"""


def test_a_working_directory_that_may_not_be_searched(tmp_path):
    """A service under another user, started in somebody's home, is governed as its environment says."""
    env = zero_code.environment(GENOPS_TEAM="data-eng")
    printed = zero_code.run([sys.executable, "-c", UNREADABLE], tmp_path, env)
    assert printed.splitlines()[:2] == ["data-eng", "closed"]
    (tmp_path / "closed").chmod(0o700)


def test_a_genops_that_fails_leaves_the_program_alone(run, sdk, tmp_path):
    """Whatever comes out of it, the program's own import goes on, and one line says what happened."""
    broken = tmp_path / "broken" / "genops"
    broken.mkdir(parents=True)
    (broken / "__init__.py").touch()
    (broken / "zero_code.py").write_text("def govern(): raise ValueError('ours')")
    path = os.pathsep.join((STARTUP, str(broken.parent), sdk))
    printed = run("env", f"PYTHONPATH={path}", sys.executable, "-c", "import databricks.sdk; print('on')")
    assert printed.splitlines()[0] == "on"
    assert "genops failed (ours), so its calls may not be governed" in printed


AFTER = """
import sys
def after():
    print("after", "genops.entrypoints" in sys.modules, "genops.runtime" in sys.modules, "databricks" in sys.modules)
"""


@pytest.mark.parametrize(
    ("disabled", "loaded", "governed"),
    # Older loaders know no asterisk and load it all the same; genops itself knows it.
    [
        ("", {True}, "governed"),
        ("x, genops_databricks_sdk,genops_databricks_sql", {False}, "ungoverned"),
        ("*", {False, True}, "ungoverned"),
    ],
    ids=["on", "named", "all"],
)
def test_the_entry_point(sdk, tmp_path, disabled, loaded, governed):
    """Loaded, it loads neither runtime nor SDK and lets what comes after be loaded; it can be switched off."""
    (tmp_path / "later.py").write_text(AFTER)
    info = tmp_path / "later-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: later\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[opentelemetry_post_instrument]\nlater = later:after\n")
    env = zero_code.environment(
        PYTHONPATH=os.pathsep.join((sdk, str(tmp_path))),
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=disabled,
        OTEL_PYTHON_DISTRO="none",
        OTEL_PYTHON_CONFIGURATOR="none",
    )
    printed = zero_code.run([*OTEL, "python", "-c", GOVERNED], tmp_path, env).splitlines()
    after, said = printed[:2]
    assert said == governed
    assert after in {f"after {known} False False" for known in loaded}
