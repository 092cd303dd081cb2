"""Serving endpoints by the real SDK and as OpenAI's client asks them; and secrets, which jobs name."""

from __future__ import annotations

import base64
import json
import math

import pytest
import requests
from databricks.sdk import errors
from databricks.sdk.service import serving

from genops.testing.workspace import LocalWorkspace
from support.sdk import workspace_client

CHAT, EMBEDDINGS = "system.ai.llama_v3_3_70b_instruct", "system.ai.gte_large_en_v1_5"


@pytest.fixture(scope="module")
def w(ws):
    """A client that gives up on 429 soon."""
    return workspace_client(ws, retry_timeout_seconds=1)


def config(entity=CHAT):
    """A configuration that serves one model."""
    served = serving.ServedEntityInput(entity_name=entity, entity_version="1", scale_to_zero_enabled=True)
    return serving.EndpointCoreConfigInput(name="x", served_entities=[served])


def ask(w, name, text, **how):
    """A chat of one message."""
    message = serving.ChatMessage(role=serving.ChatMessageRole.USER, content=text)
    return w.serving_endpoints.query(name, messages=[message], **how)


def test_endpoint_is_prepared_before_it_answers():
    """An endpoint is NOT_READY while its first configuration is prepared, and READY through later ones."""
    with LocalWorkspace(transition_polls=1) as ws:
        w = workspace_client(ws)
        made = w.serving_endpoints.create("chat", config=config()).response
        assert (made.state.ready.value, made.state.config_update.value) == ("NOT_READY", "IN_PROGRESS")
        with pytest.raises(errors.BadRequest, match="not ready"):
            ask(w, "chat", "hello")
        states = [w.serving_endpoints.get("chat").state for _ in range(2)]
        assert [(state.ready.value, state.config_update.value) for state in states] == [
            ("NOT_READY", "IN_PROGRESS"),
            ("READY", "NOT_UPDATING"),
        ]
        changing = w.serving_endpoints.update_config("chat", served_entities=config(EMBEDDINGS).served_entities)
        assert (changing.response.state.ready.value, changing.response.state.config_update.value) == (
            "READY",
            "IN_PROGRESS",
        )
        ws.clock.advance(minutes=10)
        done = w.serving_endpoints.wait_get_serving_endpoint_not_updating("chat")
        assert (done.config.config_version, done.task) == (2, "llm/v1/embeddings")


def test_chat_counts_its_tokens(ws, w):
    """An answer is the echo of the last user message; tokens are words and single other characters."""
    w.serving_endpoints.create_and_wait("counts", config=config(), tags=[serving.EndpointTag(key="team", value="de")])
    answer = ask(w, "counts", "How much is 2+2?", client_request_id="r-1")
    assert answer.choices[0].message.content == "Echo of the local workspace: How much is 2+2?"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (7, 13, 20)
    assert answer.served_model_name == "llama_v3_3_70b_instruct"
    short = ask(w, "counts", "one two three", max_tokens=7)
    assert (short.choices[0].message.content[-3:], short.usage.completion_tokens) == ("one", 7)
    facts = ws._journal.of("serving")[-2].facts
    assert (facts["endpoint_name"], facts["input_tokens"], facts["output_tokens"]) == ("counts", 7, 13)
    assert (facts["status"], facts["client_request_id"], facts["tags"]) == (200, "r-1", {"team": "de"})


def test_completions_and_embeddings_answer(w):
    """A prompt gives a completion; inputs give unit vectors that depend on the text alone."""
    w.serving_endpoints.create_and_wait("texts", config=config())
    answer = w.serving_endpoints.query("texts", prompt="once", n=2)
    assert [choice.text for choice in answer.choices] == ["Echo of the local workspace: once"] * 2
    w.serving_endpoints.create_and_wait("vectors", config=config(EMBEDDINGS))
    found = w.serving_endpoints.query("vectors", input=["a b", "c", "a b"])
    first, second, third = (item.embedding for item in found.data)
    assert first == third != second
    assert math.isclose(sum(number * number for number in first), 1.0)
    assert (len(first), found.usage.prompt_tokens, found.usage.total_tokens) == (1024, 5, 5)


def test_chat_is_streamed_as_events(ws, w):
    """OpenAI's path takes the endpoint as the model; a stream ends with the usage and [DONE]."""
    w.serving_endpoints.create_and_wait("stream", config=config())
    body = {
        "model": "stream",
        "stream": True,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    }
    headers = {"Authorization": f"Bearer {ws.token}"}
    reply = requests.post(f"{ws.host}/serving-endpoints/chat/completions", json=body, headers=headers, timeout=20)
    assert reply.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in reply.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    pieces = [json.loads(line) for line in lines[:-1]]
    assert (
        "".join(piece["choices"][0]["delta"].get("content", "") for piece in pieces)
        == "Echo of the local workspace: hi"
    )
    assert pieces[-1]["usage"]["total_tokens"] == 8


def test_rate_limit_holds_for_a_minute_of_the_clock(ws, w):
    """The call over the limit is 429; the next minute takes calls again."""
    w.serving_endpoints.create_and_wait("limited", config=config())
    limit = serving.RateLimit(calls=1, renewal_period=serving.RateLimitRenewalPeriod.MINUTE)
    w.serving_endpoints.put("limited", rate_limits=[limit])
    headers = {"Authorization": f"Bearer {ws.token}"}
    url, body = f"{ws.host}/serving-endpoints/limited/invocations", {"messages": [{"role": "user", "content": "x"}]}
    ws.clock.advance(seconds=60 - ws.clock.now() % 60)
    statuses = [requests.post(url, json=body, headers=headers, timeout=20) for _ in range(2)]
    assert [reply.status_code for reply in statuses] == [200, 429]
    assert statuses[1].json()["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    ws.clock.advance(minutes=1)
    assert requests.post(url, json=body, headers=headers, timeout=20).status_code == 200


def test_endpoints_are_tagged_listed_and_deleted(w):
    """Tags are added and taken away; a deleted endpoint is not found."""
    w.serving_endpoints.create_and_wait("tagged", config=config())
    tags = w.serving_endpoints.patch(
        "tagged", add_tags=[serving.EndpointTag(key="a", value="1"), serving.EndpointTag(key="b")]
    )
    assert [(tag.key, tag.value) for tag in tags.tags] == [("a", "1"), ("b", "")]
    w.serving_endpoints.patch("tagged", delete_tags=["a"])
    (found,) = [endpoint for endpoint in w.serving_endpoints.list() if endpoint.name == "tagged"]
    assert [tag.key for tag in found.tags] == ["b"]
    with pytest.raises(errors.ResourceAlreadyExists):
        w.serving_endpoints.create("tagged", config=config())
    w.serving_endpoints.delete("tagged")
    with pytest.raises(errors.ResourceDoesNotExist):
        w.serving_endpoints.get("tagged")


def test_what_an_echo_cannot_be_is_not_implemented(w):
    """External models, models of one's own, tools and predictions are refused."""
    external = serving.ExternalModel(name="gpt", provider=serving.ExternalModelProvider.OPENAI, task="llm/v1/chat")
    for served in (
        serving.ServedEntityInput(external_model=external),
        serving.ServedEntityInput(entity_name="main.ml.m"),
    ):
        with pytest.raises(errors.NotImplemented):
            w.serving_endpoints.create(
                "refused", config=serving.EndpointCoreConfigInput(name="x", served_entities=[served])
            )
    w.serving_endpoints.create_and_wait("plain", config=config())
    with pytest.raises(errors.NotImplemented, match="inputs"):
        w.serving_endpoints.query("plain", inputs=[1])
    with pytest.raises(errors.NotImplemented):
        w.serving_endpoints.get_open_api("plain")


def test_secrets_are_kept(w):
    """Secrets are put, listed without their values, given back and deleted; ACLs are not imitated."""
    w.secrets.create_scope("etl")
    with pytest.raises(errors.ResourceAlreadyExists):
        w.secrets.create_scope("etl")
    w.secrets.put_secret("etl", "password", string_value="pässword")
    assert [secret.key for secret in w.secrets.list_secrets("etl")] == ["password"]
    assert base64.b64decode(w.secrets.get_secret("etl", "password").value).decode() == "pässword"
    w.secrets.delete_secret("etl", "password")
    with pytest.raises(errors.ResourceDoesNotExist):
        w.secrets.get_secret("etl", "password")
    with pytest.raises(errors.NotImplemented):
        list(w.secrets.list_acls("etl"))
    w.secrets.delete_scope("etl")
    assert [scope.name for scope in w.secrets.list_scopes()] == []
