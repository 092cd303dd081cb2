"""The graph of lineage beside other libraries: it keeps more of each edge in less memory."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from benchmarks import lineage_graph

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc"),
]


def test_the_graph_takes_less_memory_than_networkx():
    """On the same hundred thousand edges, with the same answers."""
    if importlib.util.find_spec("networkx") is None:
        pytest.skip("networkx is not installed")
    found = lineage_graph.compared(100_000)
    ours, theirs = found["genops"], found["networkx"]
    assert (ours.edges, ours.reached) == (theirs.edges, theirs.reached)
    assert ours.memory < 0.6 * theirs.memory


def test_the_graph_holds_a_hundred_thousand_edges_in_little_memory():
    """Below two hundred and fifty bytes an edge, four columns to ten edges and their names included."""
    figures = lineage_graph.compared(100_000)["genops"]
    assert figures.edges == 100_000
    assert figures.memory * 2**20 / figures.edges < 250
