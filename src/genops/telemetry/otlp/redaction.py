"""Text of others, such as a receiver's answer or an error, without what may be secret in the URLs that it quotes."""

from __future__ import annotations

import re

from genops.telemetry.otlp.endpoints import shown

# What comes behind a URL in a sentence and is no part of it.
_BEHIND = "\"'`,;:.)]}>…"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
# A path whose scheme and host are named elsewhere: "Max retries exceeded with url: /v1/traces?api_key=..."
_QUERY = re.compile(r"(?<=\S)\?\S*=\S*")


def redacted(text: str) -> str:
    """Return a text in which every URL has no credentials, query or fragment, and every other path no query.

    >>> redacted("no 'https://me:secret@example.com/v1?key=secret', with url: /v1/traces?key=secret (refused)")
    "no 'https://example.com/v1', with url: /v1/traces?… (refused)"
    """
    return _QUERY.sub("?…", _URL.sub(_shown, text))


def _shown(match: re.Match[str]) -> str:
    url = match.group()
    bare = url.rstrip(_BEHIND)
    return shown(bare) + url[len(bare) :]
