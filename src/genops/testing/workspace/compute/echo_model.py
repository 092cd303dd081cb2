"""The model behind serving endpoints: an echo. It says back what it was told, so that every answer can be foretold.

A token is a word, or a single character that is neither a word nor white space. That is a rule of this model and
not the tokenizer of any other; the counts are exact by it.
"""

from __future__ import annotations

import hashlib
import math
import re
from typing import TYPE_CHECKING, Any

from genops.testing.workspace.compute.shapes import part
from genops.testing.workspace.http.wire import Json, invalid, unserved

if TYPE_CHECKING:
    from collections.abc import Iterator

GREETING = "Echo of the local workspace: "
"""How every answer begins."""
DIMENSIONS = 1024
"""Numbers of an embedding."""
_TOKEN = re.compile(r"\w+|[^\w\s]")
_MOST_CHOICES = 5
# What would change an answer in a way that an echo cannot have.
_UNSERVED = ("tools", "functions", "response_format", "logprobs")
_PREDICTIONS = ("dataframe_records", "dataframe_split", "inputs", "instances")


def tokens(text: str) -> int:
    """How many tokens a text has.

    >>> tokens("How much is 2+2?")
    7
    """
    return len(_TOKEN.findall(text))


def answer(given: Json, model: str, task: str, identity: str, created: int) -> Json:
    """Answer a query in the shape that its kind has.

    Args:
        given: Body of the request: ``messages``, ``prompt`` or ``input``.
        model: Name of the served entity.
        task: ``llm/v1/chat`` or ``llm/v1/embeddings``.
        identity: Id of the answer.
        created: Seconds since the epoch.

    Raises:
        ApiError: 400 for a body that is no query of the task; 501 for what an echo cannot do.
    """
    for name in (*_UNSERVED, *_PREDICTIONS):
        if given.get(name):
            raise unserved(f"{name} of a query")
    head = {"id": identity, "created": created, "model": model}
    if task == "llm/v1/embeddings":
        return {**head, **_embeddings(given)}
    if given.get("messages") is not None:
        prompts, said = _messages(given["messages"])
        texts, reason = _completed(said, given)
        choices = [
            {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
            for index, text in enumerate(texts)
        ]
        return {**head, "object": "chat.completion", "choices": choices, "usage": _usage(prompts, texts)}
    prompts = _texts(given.get("prompt"), "messages or prompt")
    texts, reason = _completed(prompts[-1], given)
    choices = [{"index": index, "text": text, "finish_reason": reason} for index, text in enumerate(texts)]
    return {**head, "object": "text_completion", "choices": choices, "usage": _usage(prompts, texts)}


def events(body: Json) -> Iterator[Json]:
    """A chat's answer as the pieces in which it is streamed; the last one has the usage."""
    head = {key: body[key] for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    for choice in body["choices"]:
        text = choice["message"]["content"]
        for number, piece in enumerate(re.findall(r"\S+\s*|\s+", text)):
            delta = {"content": piece, **({"role": "assistant"} if number == 0 else {})}
            yield {**head, "choices": [{"index": choice["index"], "delta": delta, "finish_reason": None}]}
        yield {
            **head,
            "choices": [{"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}],
            "usage": body["usage"],
        }


def _texts(value: Any, name: str) -> list[str]:
    texts: list[Any] = [value] if isinstance(value, str) else value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType] - a value of JSON, of any type
    if not texts or not all(isinstance(text, str) for text in texts):
        raise invalid(f"A query of this endpoint needs {name}")
    return texts


def _messages(messages: Any) -> tuple[list[str], str]:
    """All contents of a conversation, and the last thing that its user said."""
    if not isinstance(messages, list) or not messages:
        raise invalid("messages must be a list of at least one message")
    contents = [(_field(item, "role"), _content(item)) for item in messages]  # pyright: ignore[reportUnknownVariableType] - a value of JSON, of any type
    said = next((content for role, content in reversed(contents) if role == "user"), contents[-1][1])
    return [content for _, content in contents], said


def _field(message: Any, name: str) -> Any:
    if not isinstance(message, dict) or message.get(name) is None:  # pyright: ignore[reportUnknownMemberType] - a value of JSON, of any type
        raise invalid(f"Every message needs {name}: {message!r}")
    return message[name]  # pyright: ignore[reportUnknownVariableType] - a value of JSON, of any type


def _content(message: Any) -> str:
    content = _field(message, "content")
    if isinstance(content, str):
        return content
    parts: list[Any] = content if isinstance(content, list) else []  # pyright: ignore[reportUnknownVariableType] - a value of JSON, of any type
    if not parts or not all(part(piece).get("type") == "text" for piece in parts):
        raise unserved("A message whose content is not text")
    return "".join(str(part(piece).get("text")) for piece in parts)


def _completed(said: str, given: Json) -> tuple[list[str], str]:
    """The answers and why they ended."""
    choices = given.get("n") or 1
    if not isinstance(choices, int) or not 1 <= choices <= _MOST_CHOICES:
        raise invalid(f"n must be between 1 and {_MOST_CHOICES}, not {choices!r}")
    text, reason = GREETING + said, "stop"
    stops = [given["stop"]] if isinstance(given.get("stop"), str) else given.get("stop") or []
    for stop in stops:
        text = text.split(stop, 1)[0]
    limit: Any = given.get("max_tokens") or given.get("max_completion_tokens")
    found = list(_TOKEN.finditer(text))
    if isinstance(limit, int) and 0 < limit < len(found):
        text, reason = text[: found[limit - 1].end()], "length"
    return [text] * choices, reason


def _usage(prompts: list[str], answers: list[str]) -> Json:
    asked, said = sum(map(tokens, prompts)), sum(map(tokens, answers))
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _embeddings(given: Json) -> Json:
    texts = _texts(given.get("input"), "input")
    count = sum(map(tokens, texts))
    data = [{"object": "embedding", "index": index, "embedding": _vector(text)} for index, text in enumerate(texts)]
    return {"object": "list", "data": data, "usage": {"prompt_tokens": count, "total_tokens": count}}


def _vector(text: str) -> list[float]:
    """A unit vector that depends on the text only; near texts are not near each other."""
    raw = hashlib.shake_256(text.encode()).digest(2 * DIMENSIONS)
    numbers = [int.from_bytes(raw[at : at + 2], "big") - 32_767.5 for at in range(0, len(raw), 2)]
    length = math.sqrt(sum(number * number for number in numbers))
    return [number / length for number in numbers]
