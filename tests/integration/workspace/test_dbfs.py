"""The Databricks file system of old, by the real SDK."""

from __future__ import annotations

import io

import pytest
from databricks.sdk import errors

from genops.testing.workspace import LocalWorkspace
from support.sdk import workspace_client


@pytest.fixture(scope="module")
def w():
    """A client of a workspace of its own."""
    with LocalWorkspace(transition_polls=0) as workspace:
        yield workspace_client(workspace)


def test_file_comes_back_in_blocks(w):
    """A file of more than a block is written and read in blocks, copied, moved, listed and deleted."""
    content = bytes(range(256)) * 6000
    w.dbfs.upload("/data/a.bin", io.BytesIO(content))
    assert w.dbfs.download("/data/a.bin").read() == content
    w.dbfs.copy("/data/a.bin", "/data/b.bin")
    w.dbfs.move("/data/b.bin", "/data/c.bin")
    assert [(item.path, item.file_size) for item in w.dbfs.list("/data")] == [
        ("/data/a.bin", len(content)),
        ("/data/c.bin", len(content)),
    ]
    with pytest.raises(errors.DatabricksError, match="not empty"):
        w.api_client.do("POST", "/api/2.0/dbfs/delete", body={"path": "/data"})
    w.dbfs.delete("/data", recursive=True)
    assert not w.dbfs.exists("/data")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda w: w.dbfs.get_status("/nothing"), errors.ResourceDoesNotExist),
        (lambda w: w.dbfs.read("/../../etc/passwd"), errors.InvalidParameterValue),
        (lambda w: w.dbfs.mkdirs("relative"), errors.InvalidParameterValue),
        (lambda w: w.dbfs.add_block(99, "eA=="), errors.ResourceDoesNotExist),
        (lambda w: w.dbfs.put("/x", contents="no base64"), errors.InvalidParameterValue),
    ],
)
def test_wrong_calls_have_their_codes(w, call, error):
    """What is not there, lies outside or cannot be read is refused in the service's words."""
    with pytest.raises(error):
        call(w)


def test_file_is_not_written_over(w):
    """A file that exists is replaced only where the caller says so."""
    w.dbfs.put("/once", contents="eA==")
    with pytest.raises(errors.ResourceAlreadyExists):
        w.dbfs.put("/once", contents="eQ==")
    w.dbfs.put("/once", contents="eQ==", overwrite=True)
    assert w.dbfs.read("/once").data == "eQ=="
