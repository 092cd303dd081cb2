"""The examples in docstrings hold: those of genops, and those of what its tests are made with."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import genops
import support

EXAMPLE = ">>> "


def modules(package):
    """The modules of a package that have examples, by name."""
    root = next(iter(package.__path__))
    for file in sorted(Path(root).rglob("*.py")):
        if EXAMPLE in file.read_text("utf-8"):
            parts = file.relative_to(root).with_suffix("").parts
            yield ".".join((package.__name__, *parts)).removesuffix(".__init__")


MODULES = [*modules(genops), *modules(support)]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    """There are examples, and each prints what it says."""
    results = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert results.attempted > 0
    assert results.failed == 0


def test_there_are_examples():
    """The test above finds them."""
    assert {"genops.core.amounts", "genops.lineage.sql.library", "support.spreading"} < set(MODULES)
