"""The examples in the docstrings of the spine and the errors hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import genops.core

MODULES = ["genops.errors", *(f"genops.core.{module.name}" for module in pkgutil.iter_modules(genops.core.__path__))]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    """Every example prints what it says."""
    results = doctest.testmod(importlib.import_module(name), raise_on_error=False)
    assert results.failed == 0


def test_there_are_examples():
    """The test above finds examples to run."""
    finder = doctest.DocTestFinder()
    assert sum(bool(found.examples) for name in MODULES for found in finder.find(importlib.import_module(name))) > 8
