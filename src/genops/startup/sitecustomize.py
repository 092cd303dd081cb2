# pyright: basic, reportMissingImports=false
"""What `genops run` has every Python interpreter below it read first.

Nothing is loaded here but this file: genops itself comes in when a watched library is imported. Interpreters of any
version read it, also those in which genops is not installed, so it is written in what Python 2.7 and 3 share.
"""

import os
import sys

WATCHED = ("databricks.sdk", "databricks.sql")
HERE = os.path.dirname(os.path.abspath(__file__))


class Watch:
    """A finder that finds nothing of its own: it has the hooks put in before the first watched library is imported."""

    def __init__(self):
        self.waiting = True

    def find_spec(self, name, path=None, target=None):
        """Return what the other finders find."""
        if name not in WATCHED or not self.waiting:
            return None
        from importlib.util import find_spec

        self.waiting = False
        if find_spec(name) is None:
            self.waiting = True
            return None
        govern()
        return find_spec(name)


def govern():
    """Put the hooks in, or say in one line why that cannot be done."""
    message = "genops run: %s cannot load genops (%s), so its calls are not governed: install genops there.\n"
    try:
        from genops.zero_code import govern as install

        message = "genops run: %s: genops failed (%s), so its calls may not be governed: report it to the project.\n"
        install()
    except Exception as error:
        if sys.stderr is not None:
            sys.stderr.write(message % (sys.executable, error))


def make_way():
    """Run the sitecustomize that would have been found without this one, and leave the name to it."""
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != HERE]
    this = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize
    except ImportError as error:
        if getattr(error, "name", "sitecustomize") != "sitecustomize":
            raise
        if this is not None:
            sys.modules["sitecustomize"] = this


if sys.version_info[0] > 2:
    sys.meta_path.insert(0, Watch())
make_way()
