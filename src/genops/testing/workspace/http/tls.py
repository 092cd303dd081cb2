"""A certificate of the workspace's own, from an authority that exists for this workspace alone."""

from __future__ import annotations

import importlib
import ssl
from pathlib import Path
from typing import Any


def server_context(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """A context that answers as 127.0.0.1 and localhost.

    Args:
        directory: Where the authority's certificate is written; the keys are kept in no file.

    Returns:
        The context, and the file that a client must trust.

    Raises:
        ImportError: trustme is not installed.
    """
    try:
        # Asked for by name: it is no part of the extra, so that only HTTPS needs it.
        trustme: Any = importlib.import_module("trustme")
    except ImportError as error:
        raise ImportError(
            "LocalWorkspace(tls=True) makes its certificate with trustme, which is not installed. "
            "Install it with: pip install trustme",
            name="trustme",
        ) from error
    authority = trustme.CA(organization_name="genops local workspace")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    file = directory / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return context, file
