"""Sessions by the official OpenAI SDK: text, sound, tools, errors, and what a key has to do with it."""

import base64
import json

import openai as sdk
import pytest
import websockets
from strictly import strict

TEXT = "purple giraffe whispers"
SAY_TEXT = {"type": "realtime", "output_modalities": ["text"]}


@pytest.fixture(params=["sandbox-openai", "sandbox-responses"])
def model(request):
    return lambda name: f"{request.param}/sandbox-{name}"


def known(event):
    """What the interface says of a session besides what the SDK's model of it knows, it says to every client."""
    if event.type in ("session.created", "session.updated"):
        for name in ("id", "object", "expires_at"):
            assert event.session.model_extra.pop(name)
    return strict(event)


def until(connection, kind):
    events = []
    for event in connection:
        events.append(known(event))
        if event.type == kind:
            return events
    raise AssertionError(f"no {kind} after {[event.type for event in events]}")


def ask(connection, text):
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    connection.conversation.item.create(item=item)
    connection.response.create()
    return until(connection, "response.done")


def test_text_is_answered_with_text(openai, model):
    with openai.realtime.connect(model=model("echo")) as connection:
        assert known(connection.recv()).session.model == model("echo")
        connection.session.update(session=SAY_TEXT)
        assert until(connection, "session.updated")[-1].session.output_modalities == ["text"]
        events = ask(connection, TEXT)
        assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == TEXT
        usage = events[-1].response.usage
        assert (usage.input_tokens, usage.output_tokens) == (3, 3)
        assert ask(connection, "again")[-1].response.usage.input_tokens == 7


def test_sound_is_answered_with_sound(openai):
    with openai.realtime.connect(model="sandbox-openai/sandbox-echo") as connection:
        until(connection, "session.created")
        connection.input_audio_buffer.append(audio=base64.b64encode(bytes(9_600)).decode())
        connection.input_audio_buffer.commit()
        events = until(connection, "response.done")
        assert any(event.type == "response.output_audio.delta" for event in events)
        assert events[-1].response.usage.input_token_details.audio_tokens == 2


def test_tools_are_called(openai):
    tool = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
    with openai.realtime.connect(model="sandbox-openai/sandbox-tools") as connection:
        until(connection, "session.created")
        connection.session.update(session={**SAY_TEXT, "tools": [tool]})
        call = ask(connection, TEXT)[-1].response.output[0]
        assert (call.type, call.name, call.arguments) == ("function_call", "look", "{}")


def test_errors_are_events_without_what_was_said(openai):
    with openai.realtime.connect(model="sandbox-openai/sandbox-error-mid-stream") as connection:
        until(connection, "session.created")
        connection.session.update(session=SAY_TEXT)
        errors = [event for event in ask(connection, "secret words") if event.type == "error"]
        assert len(errors) == 1 and "secret" not in errors[0].error.message
        connection.session.update(session={"type": "realtime", "model": "sandbox-tools"})
        assert until(connection, "error")[-1].error.param == "session.model"


@pytest.mark.parametrize(("model", "status"), [("sandbox-openai/sandbox-error-401", 401), ("nothing", 404)])
def test_a_session_that_does_not_begin_says_why(openai, model, status):
    with pytest.raises((sdk.OpenAIError, websockets.exceptions.InvalidStatus)) as caught:
        with openai.realtime.connect(model=model):
            pass
    response = getattr(caught.value, "response", None)
    if response is not None:
        assert response.status_code == status
        assert json.loads(response.body)["error"]["code"]


def test_a_wrong_key_begins_nothing(facts):
    client = sdk.OpenAI(base_url=facts["openai_base_url"], api_key="pbk_wrong", max_retries=0)
    with pytest.raises(Exception) as caught:
        with client.realtime.connect(model="sandbox-openai/sandbox-echo"):
            pass
    assert "401" in str(caught.value)
