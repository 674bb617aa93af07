"""The official Anthropic SDK against all families of providers."""

import json

import anthropic as sdk
import pytest

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOL = {
    "name": "look_up",
    "description": "Looks something up",
    "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
}
OTHER = {**TOOL, "name": "write_down"}


def user(content):
    return [{"role": "user", "content": content}]


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def ask(anthropic, stream, **asked):
    """One whole message, streamed or not."""
    asked = {"max_tokens": 1024, **asked}
    if not stream:
        return anthropic.messages.create(**asked)
    with anthropic.messages.stream(**asked) as events:
        return events.get_final_message()


@pytest.mark.parametrize("stream", [False, True])
def test_answer(anthropic, model, stream):
    message = ask(anthropic, stream, model=model("echo"), messages=user("four quiet words here"))
    assert text_of(message) == "four quiet words here"
    assert message.stop_reason == "end_turn"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (4, 4)


@pytest.mark.parametrize("stream", [False, True])
def test_system_and_limit(anthropic, model, stream):
    """Sixteen is the least that every format accepts."""
    words = [f"word{number}" for number in range(20)]
    message = ask(
        anthropic, stream, model=model("echo"), system="Be brief.", messages=user(" ".join(words)), max_tokens=16
    )
    assert text_of(message).split() == words[:16] and message.stop_reason == "max_tokens"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["split-utf8", "crlf", "comments", "huge-event", "flaky"])
def test_oddities_do_not_show(anthropic, model, name, stream):
    message = ask(anthropic, stream, model=model(name), messages=user(f"peculiar {stream} words"))
    expected = {"split-utf8": "世界 🦀", "huge-event": "x" * 1000}.get(name, f"peculiar {stream} words")
    assert expected in text_of(message)


@pytest.mark.parametrize("name", ["no-usage", "null-usage"])
def test_missing_usage_does_not_stop_a_stream(anthropic, model, name):
    """Read event by event: the SDK's own accumulator cannot do without usage, and bytes pass as they are."""
    events = anthropic.messages.create(model=model(name), max_tokens=64, messages=user("no count here"), stream=True)
    pieces = [event.delta.text for event in events if event.type == "content_block_delta"]
    assert "".join(pieces) == "no count here"


@pytest.mark.parametrize("stream", [False, True])
def test_tool_round_trip(anthropic, model, stream):
    asked = dict(model=model("tools"), tools=[TOOL])
    first = ask(anthropic, stream, messages=user("use the tool"), **asked)
    assert first.stop_reason == "tool_use"
    call = next(block for block in first.content if block.type == "tool_use")
    assert (call.name, call.input) == ("look_up", {})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "forty two"}]}
    messages = user("use the tool") + [{"role": "assistant", "content": first.content}, *user([result])]
    assert ask(anthropic, stream, messages=messages, **asked).stop_reason == "end_turn"


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tools(anthropic, model, stream):
    message = ask(anthropic, stream, model=model("parallel-tools"), messages=user("both please"), tools=[TOOL, OTHER])
    calls = [(block.name, block.input) for block in message.content if block.type == "tool_use"]
    assert calls == [
        ("look_up", {"at": 0, "text": "both please"}),
        ("write_down", {"at": 1, "text": "both please"}),
    ]


def test_tool_arguments_arrive_in_pieces(anthropic, model):
    pieces = []
    with anthropic.messages.stream(
        model=model("parallel-tools"), max_tokens=512, messages=user("some words to stream"), tools=[TOOL]
    ) as events:
        for event in events:
            if event.type == "content_block_delta" and event.delta.type == "input_json_delta":
                pieces.append(event.delta.partial_json)
    assert "some words to stream" in "".join(pieces)


@pytest.mark.parametrize("stream", [False, True])
def test_image(anthropic, model, stream):
    content = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {"type": "text", "text": "what is it"},
    ]
    message = ask(anthropic, stream, model=model("image"), messages=user(content))
    assert text_of(message).startswith("images 1 image/png:")


def test_json_schema(anthropic, model):
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    message = ask(
        anthropic,
        False,
        model=model("json-schema"),
        messages=user("a person"),
        extra_body={"output_config": {"format": {"type": "json_schema", "schema": schema}}},
    )
    value = json.loads(text_of(message))
    assert isinstance(value["name"], str) and isinstance(value["age"], int)


@pytest.mark.parametrize("name", ["thinking", "redacted-thinking"])
@pytest.mark.parametrize("stream", [False, True])
def test_thinking_survives_two_turns(anthropic, name, stream):
    asked = dict(model=f"sandbox-anthropic/sandbox-{name}", max_tokens=4096, thinking={"type": "enabled", "budget_tokens": 1024})
    first = ask(anthropic, stream, messages=user("think"), **asked)
    assert first.content[0].type == name.replace("-", "_") or first.content[0].type in {"thinking", "redacted_thinking"}
    messages = user("think") + [{"role": "assistant", "content": first.content}, *user("again")]
    second = ask(anthropic, stream, messages=messages, **asked)
    assert text_of(second).startswith("verified 1"), "the provider recognised its own thinking"


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_of_an_openai_provider_comes_as_thinking(anthropic, stream):
    asked = dict(model="sandbox-openai/sandbox-thinking", max_tokens=4096, thinking={"type": "enabled", "budget_tokens": 1024})
    first = ask(anthropic, stream, messages=user("think"), **asked)
    thinking = [block for block in first.content if block.type == "thinking"]
    assert thinking and thinking[0].thinking and thinking[0].signature
    messages = user("think") + [{"role": "assistant", "content": first.content}, *user("again")]
    assert ask(anthropic, stream, messages=messages, **asked).stop_reason == "end_turn"


def test_cache_control_and_unknown_fields_reach_a_provider_of_the_same_format(anthropic, received):
    system = [{"type": "text", "text": "Stay the same.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    ask(
        anthropic,
        False,
        model="sandbox-anthropic/sandbox-echo",
        system=system,
        messages=user("cache control kept"),
        extra_body={"future_field": {"deep": [1, 2]}},
        extra_headers={"anthropic-beta": "extended-cache-ttl-2025-04-11"},
    )
    body = received("cache control kept")
    assert body["system"] == system and body["future_field"] == {"deep": [1, 2]}


def test_what_a_translation_drops_is_named_or_refused(anthropic):
    asked = dict(model="sandbox-openai/sandbox-echo", max_tokens=100, messages=user("dropped"), extra_body={"top_k": 5})
    raw = anthropic.messages.with_raw_response.create(**asked)
    assert "top_k" in raw.headers["x-probity-dropped"]
    with pytest.raises(sdk.BadRequestError):
        anthropic.messages.create(**asked, extra_headers={"x-probity-strict": "true"})


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("error-400", sdk.BadRequestError),
        ("error-429", sdk.RateLimitError),
        ("error-500", sdk.InternalServerError),
        ("error-529", sdk.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_provider_errors_are_the_sdks_own(anthropic, model, name, error, stream):
    with pytest.raises(error) as caught:
        anthropic.messages.create(
            model=model(name), max_tokens=100, messages=user("secret prompt words"), stream=stream
        )
    assert "secret prompt words" not in str(caught.value), "no error repeats the prompt"
    assert caught.value.request_id


@pytest.mark.parametrize("name", ["cut", "reset", "malformed-sse", "error-mid-stream"])
def test_a_broken_stream_raises(anthropic, model, name):
    with pytest.raises(sdk.APIError):
        ask(anthropic, True, model=model(name), messages=user("break in the middle please now"))


def test_an_error_inside_a_200_is_an_error(anthropic, model):
    with pytest.raises(sdk.APIStatusError):
        ask(anthropic, True, model=model("error-in-200"), messages=user("x"))


def test_wrong_key(anthropic):
    with pytest.raises(sdk.AuthenticationError):
        ask(anthropic.with_options(api_key="pbk_0000000000_" + "0" * 49), False, model="sandbox-echo", messages=user("x"))


def test_unknown_model(anthropic):
    with pytest.raises(sdk.NotFoundError):
        ask(anthropic, False, model="no-such-model", messages=user("x"))


def test_models(anthropic):
    assert "sandbox-echo" in {entry.id for entry in anthropic.models.list()}


def test_cached_tokens_are_counted_the_anthropic_way(anthropic, model):
    usage = ask(anthropic, False, model=model("cached"), messages=user("one two three four")).usage
    assert (usage.input_tokens, usage.cache_read_input_tokens) == (2, 2)
