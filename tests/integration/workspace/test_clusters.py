"""Clusters by the real SDK: life, size, events, and their end by the clock."""

from __future__ import annotations

import pytest
from databricks.sdk import errors
from databricks.sdk.service import compute

from genops.testing.workspace import LocalWorkspace
from support.sdk import workspace_client

SPEC = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 2}


def test_cluster_knows_its_size(w):
    """Cores and memory are those of the driver and the workers; default tags are the service's."""
    made = w.clusters.create_and_wait(cluster_name="etl", custom_tags={"team": "de"}, **SPEC)
    assert (made.cluster_cores, made.cluster_memory_mb, made.num_workers) == (12.0, 3 * 31_232, 2)
    assert made.default_tags == {
        "Vendor": "Databricks", "Creator": "user@example.com", "ClusterName": "etl", "ClusterId": made.cluster_id,
    }  # fmt: skip
    assert (made.driver_node_type_id, made.cluster_source) == ("i3.xlarge", compute.ClusterSource.API)


def test_idle_cluster_terminates_by_the_clock(ws, w):
    """autotermination_minutes after it came to run a cluster ends, with the reason INACTIVITY."""
    made = w.clusters.create_and_wait(autotermination_minutes=30, **SPEC).cluster_id
    ws.clock.advance(minutes=29)
    assert w.clusters.get(made).state is compute.State.RUNNING
    ws.clock.advance(minutes=2)
    ended = w.clusters.get(made)
    assert ended.state is compute.State.TERMINATED
    assert ended.termination_reason.code is compute.TerminationReasonCode.INACTIVITY
    assert ended.termination_reason.parameters == {"inactivity_duration_min": "30"}


def test_cluster_goes_through_its_states():
    """Start, resize, restart and stop show the state on the way."""
    with LocalWorkspace(transition_polls=1) as ws:
        w = workspace_client(ws)
        made = w.clusters.create(**SPEC).cluster_id
        seen = [w.clusters.get(made).state.value, w.clusters.get(made).state.value]
        for move in (
            lambda: w.clusters.resize(made, num_workers=5),
            lambda: w.clusters.restart(made),
            lambda: w.clusters.delete(made),
            lambda: w.clusters.start(made),
        ):
            move()
            seen += [w.clusters.get(made).state.value, w.clusters.get(made).state.value]
        assert seen == [
            "PENDING", "RUNNING", "RESIZING", "RUNNING", "RESTARTING", "RUNNING",
            "TERMINATING", "TERMINATED", "PENDING", "RUNNING",
        ]  # fmt: skip
        assert w.clusters.get(made).num_workers == 5


def test_moves_from_a_wrong_state_are_refused(w):
    """A cluster that runs cannot be started; one that has ended cannot be resized."""
    made = w.clusters.create_and_wait(**SPEC).cluster_id
    with pytest.raises(errors.InvalidState, match="unexpected state Running"):
        w.clusters.start(made)
    w.clusters.delete_and_wait(made)
    with pytest.raises(errors.InvalidState, match="unexpected state Terminated"):
        w.clusters.resize(made, num_workers=1)


def test_ensure_running_starts_what_has_ended(w):
    """The SDK's own helper brings a cluster back."""
    made = w.clusters.create_and_wait(**SPEC).cluster_id
    w.clusters.delete_and_wait(made)
    w.clusters.ensure_cluster_is_running(made)
    assert w.clusters.get(made).state is compute.State.RUNNING


def test_events_are_paged_and_filtered(w):
    """Events come newest first, over pages, and by type."""
    made = w.clusters.create_and_wait(**SPEC).cluster_id
    w.clusters.pin(made)
    w.clusters.edit_and_wait(
        made, autoscale=compute.AutoScale(min_workers=1, max_workers=4), **{**SPEC, "num_workers": None}
    )
    w.clusters.unpin(made)
    w.clusters.delete_and_wait(made)
    kinds = [event.type.value for event in w.clusters.events(made, limit=2)]
    assert kinds == ["TERMINATING", "UNPINNED", "RUNNING", "EDITED", "PINNED", "RUNNING", "CREATING"]
    only = w.clusters.events(made, event_types=[compute.EventType.EDITED], order=compute.GetEventsOrder.ASC)
    assert [event.details.current_num_workers for event in only] == [1]


def test_clusters_are_listed_by_filter_and_page(w):
    """Lists go over pages and by state, source and pin."""
    made = {w.clusters.create_and_wait(cluster_name=f"page-{name}", **SPEC).cluster_id for name in "abc"}
    everything = [found.cluster_id for found in w.clusters.list(page_size=2)]
    assert made <= set(everything)
    one = min(made)
    w.clusters.pin(one)
    pinned = w.clusters.list(filter_by=compute.ListClustersFilterBy(is_pinned=True))
    assert [found.cluster_id for found in pinned] == [one]
    w.clusters.delete_and_wait(one)
    ended = compute.ListClustersFilterBy(cluster_states=[compute.State.TERMINATED])
    assert one in [found.cluster_id for found in w.clusters.list(filter_by=ended)]


def test_update_changes_what_the_mask_names(w):
    """A partial update keeps the rest of the settings."""
    made = w.clusters.create_and_wait(cluster_name="before", custom_tags={"a": "b"}, **SPEC).cluster_id
    w.clusters.update_and_wait(made, "num_workers", cluster=compute.UpdateClusterResource(num_workers=7))
    found = w.clusters.get(made)
    assert (found.num_workers, found.cluster_name, found.custom_tags) == (7, "before", {"a": "b"})


def test_what_clusters_are_made_of(w):
    """Versions, node types and zones serve the SDK's selectors."""
    assert w.clusters.select_spark_version(long_term_support=True, latest=True).startswith("16.4")
    assert w.clusters.select_node_type(min_cores=4, local_disk=True) == "i3.xlarge"
    assert w.clusters.list_zones().default_zone == "us-east-1a"


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"custom_tags": {f"t{number}": "" for number in range(46)}}, errors.InvalidParameterValue, "at most 45"),
        ({"autotermination_minutes": 5}, errors.InvalidParameterValue, "between 10 and 10000"),
        ({"num_workers": None}, errors.InvalidParameterValue, "size"),
        ({"policy_id": "ABC"}, errors.NotImplemented, "policy_id"),
        ({"instance_pool_id": "pool"}, errors.NotImplemented, "instance_pool_id"),
    ],
)
def test_settings_that_no_cluster_has_are_refused(w, given, error, words):
    """Broken settings are 400; what nothing here does is NOT_IMPLEMENTED."""
    with pytest.raises(error, match=words):
        w.clusters.create(**{**SPEC, **given})
