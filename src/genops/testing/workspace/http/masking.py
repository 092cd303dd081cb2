"""What is recorded of a body: everything but the secrets in it."""

from __future__ import annotations

import re
from typing import Any, cast

REDACTED = "[redacted]"
# Ends of the names of fields that hold secrets, without their underscores: of secrets, credentials, locations,
# connections, served models and OAuth. Tokens of pages and of idempotency are no secrets, and neither is a key's id.
_SECRET = re.compile(
    r"(password|passwd|passphrase|secret|secretvalue|stringvalue|bytesvalue|tokenvalue|accesskey|privatekey|apikey"
    r"|accountkey|accountkeyjson|keyplaintext|tokenplaintext|secretplaintext|assertion"
    r"|(?<!page)(?<!idempotency)(?<!sync)token)$"
)


def masked(body: Any) -> Any:
    """A body with ``[redacted]`` in the place of each secret; the body itself stays as it is.

    >>> masked({"scope": "s", "string_value": "hush", "options": [{"Password": "hush", "page_token": "p"}]})
    {'scope': 's', 'string_value': '[redacted]', 'options': [{'Password': '[redacted]', 'page_token': 'p'}]}

    Args:
        body: Parsed JSON, or anything else, which has no fields.
    """
    if isinstance(body, list):
        return [masked(item) for item in cast("list[Any]", body)]
    if isinstance(body, dict):
        return {key: _field(key, value) for key, value in cast("dict[str, Any]", body).items()}
    return body


def _field(name: str, value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return masked(value)
    hidden = value is not None and _SECRET.search(re.sub(r"[-_.]", "", name.lower()))
    return REDACTED if hidden else value
