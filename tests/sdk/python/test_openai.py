"""The official OpenAI SDK against all families of providers."""

import json

import openai as sdk
import pytest

PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks something up",
        "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
    },
}
OTHER = {"type": "function", "function": {**TOOL["function"], "name": "write_down"}}


def user(text):
    return [{"role": "user", "content": text}]


def test_answer(openai, model):
    answer = openai.chat.completions.create(model=model("echo"), messages=user("four quiet words here"))
    assert answer.choices[0].message.content == "four quiet words here"
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (4, 4, 8)


def test_headers_say_where_it_ran(openai, model):
    raw = openai.chat.completions.with_raw_response.create(model=model("echo"), messages=user("hello"))
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["x-probity-provider"] == model("echo").split("/")[0]
    assert raw.headers["x-probity-receipt"]


def test_stream(openai, model):
    stream = openai.chat.completions.create(
        model=model("echo"),
        messages=user("a stream of five words"),
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "a stream of five words"
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 5, "usage comes last"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


def test_stream_without_usage_shows_none(openai, model):
    chunks = list(openai.chat.completions.create(model=model("echo"), messages=user("one two"), stream=True))
    assert all(chunk.usage is None for chunk in chunks) and all(chunk.choices for chunk in chunks)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["split-utf8", "crlf", "comments", "no-usage", "null-usage", "huge-event", "flaky"])
def test_oddities_do_not_show(openai, model, name, stream):
    answer = openai.chat.completions.create(model=model(name), messages=user(f"odd {stream} words"), stream=stream)
    if stream:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)
    else:
        text = answer.choices[0].message.content
    expected = {"split-utf8": "世界 🦀", "huge-event": "x" * 1000}.get(name, f"odd {stream} words")
    assert expected in text


@pytest.mark.parametrize("stream", [False, True])
def test_tool_round_trip(openai, model, stream):
    asked = dict(model=model("tools"), messages=user("use the tool"), tools=[TOOL])
    call = tool_calls(openai, stream, **asked)[0]
    assert (call["name"], call["arguments"]) == ("look_up", {})
    messages = user("use the tool") + [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call["id"], "type": "function", "function": {"name": "look_up", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": call["id"], "content": "forty two"},
    ]
    answer = openai.chat.completions.create(model=model("tools"), messages=messages, tools=[TOOL])
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tools(openai, model, stream):
    calls = tool_calls(
        openai, stream, model=model("parallel-tools"), messages=user("both please"), tools=[TOOL, OTHER]
    )
    assert [call["name"] for call in calls] == ["look_up", "write_down"]
    assert [call["arguments"] for call in calls] == [{"at": 0, "text": "both please"}, {"at": 1, "text": "both please"}]
    assert len({call["id"] for call in calls}) == 2


def test_a_named_tool_is_forced(openai, model):
    calls = tool_calls(
        openai,
        False,
        model=model("echo"),
        messages=user("now"),
        tools=[TOOL, OTHER],
        tool_choice={"type": "function", "function": {"name": "write_down"}},
    )
    assert [call["name"] for call in calls] == ["write_down"]


def tool_calls(openai, stream, **asked):
    answer = openai.chat.completions.create(stream=stream, **asked)
    if not stream:
        assert answer.choices[0].finish_reason == "tool_calls"
        return [
            {"id": call.id, "name": call.function.name, "arguments": json.loads(call.function.arguments)}
            for call in answer.choices[0].message.tool_calls
        ]
    calls = {}
    for chunk in answer:
        for delta in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
            call = calls.setdefault(delta.index, {"arguments": ""})
            if delta.id:
                call |= {"id": delta.id, "name": delta.function.name}
            call["arguments"] += delta.function.arguments or ""
    return [{**call, "arguments": json.loads(call["arguments"] or "{}")} for _, call in sorted(calls.items())]


def test_image(openai, model):
    content = [{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": PNG}}]
    answer = openai.chat.completions.create(model=model("image"), messages=user(content))
    assert answer.choices[0].message.content.startswith("images 1 image/png:")


@pytest.mark.parametrize("stream", [False, True])
def test_json_schema(openai, model, stream):
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    answer = openai.chat.completions.create(
        model=model("json-schema"),
        messages=user("a person"),
        response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}},
        stream=stream,
    )
    if stream:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)
    else:
        text = answer.choices[0].message.content
    value = json.loads(text)
    assert isinstance(value["name"], str) and isinstance(value["age"], int)


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_survives_two_turns(openai, stream):
    """An Anthropic provider checks its signature: the second turn would be refused if a byte were lost."""
    name = "sandbox-anthropic/sandbox-thinking"
    asked = dict(model=name, messages=user("think"), tools=[TOOL], max_tokens=2048)
    first = openai.chat.completions.create(stream=stream, **asked)
    message = assembled(first) if stream else first.choices[0].message.model_dump(exclude_none=True)
    assert message["reasoning_details"], "the thinking comes with what is needed to send it back"
    messages = user("think") + [
        message,
        {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "found"},
    ]
    second = openai.chat.completions.create(model=name, messages=messages, tools=[TOOL], max_tokens=2048)
    assert second.choices[0].message.content.startswith("verified 1"), "the provider recognised its own thinking"


def assembled(stream):
    """The message as a client puts it together from deltas."""
    message = {"role": "assistant", "content": "", "tool_calls": [], "reasoning_details": []}
    for chunk in stream:
        for choice in chunk.choices:
            delta = choice.delta.model_dump(exclude_none=True)
            message["content"] += delta.get("content", "")
            message["reasoning_details"] += delta.get("reasoning_details", [])
            for part in delta.get("tool_calls", []):
                if part.get("id"):
                    message["tool_calls"].append({"id": part["id"], "type": "function", "function": {"name": part["function"]["name"], "arguments": ""}})
                message["tool_calls"][part["index"]]["function"]["arguments"] += part["function"].get("arguments", "")
    return {key: value for key, value in message.items() if value or key == "content"}


def test_unknown_fields_reach_a_provider_of_the_same_format(openai, received):
    openai.chat.completions.create(
        model="sandbox-openai/sandbox-echo", messages=user("unknown fields"), extra_body={"future_field": {"deep": [1, 2]}}
    )
    sent = received("unknown fields")
    assert sent["future_field"] == {"deep": [1, 2]} and sent["model"] == "sandbox-echo"


def test_what_a_translation_drops_is_named_or_refused(openai):
    asked = dict(model="sandbox-anthropic/sandbox-echo", messages=user("dropped"), extra_body={"logit_bias": {"50256": -100}})
    raw = openai.chat.completions.with_raw_response.create(**asked)
    assert "logit_bias" in raw.headers["x-probity-dropped"]
    with pytest.raises(sdk.BadRequestError) as refused:
        openai.chat.completions.create(**asked, extra_headers={"x-probity-strict": "true"})
    assert "logit_bias" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "error", "status"),
    [
        ("error-400", sdk.BadRequestError, 400),
        ("error-429", sdk.RateLimitError, 429),
        ("error-500", sdk.InternalServerError, None),
        ("error-529", sdk.InternalServerError, None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_provider_errors_are_the_sdks_own(openai, model, name, error, status, stream):
    with pytest.raises(error) as caught:
        openai.chat.completions.create(model=model(name), messages=user("secret prompt words"), stream=stream)
    assert status is None or caught.value.status_code == status
    assert "secret prompt words" not in str(caught.value), "no error repeats the prompt"
    assert caught.value.request_id


def test_a_refused_credential_of_the_provider_is_named_as_such(openai, model):
    """401 from upstream means that the stored credential is wrong: the caller's key is fine."""
    with pytest.raises(sdk.AuthenticationError) as caught:
        openai.chat.completions.create(model=model("error-401"), messages=user("x"))
    assert "provider" in str(caught.value)


@pytest.mark.parametrize("name", ["cut", "reset", "malformed-sse", "error-mid-stream"])
def test_a_broken_stream_raises(openai, model, name):
    stream = openai.chat.completions.create(model=model(name), messages=user("break in the middle please now"), stream=True)
    with pytest.raises(sdk.APIError):
        list(stream)


def test_an_error_inside_a_200_is_an_error(openai, model):
    with pytest.raises(sdk.APIStatusError):
        openai.chat.completions.create(model=model("error-in-200"), messages=user("x"), stream=True)


def test_wrong_key(openai):
    with pytest.raises(sdk.AuthenticationError):
        openai.with_options(api_key="pbk_0000000000_" + "0" * 49).chat.completions.create(
            model="sandbox-echo", messages=user("x")
        )


def test_unknown_model(openai):
    with pytest.raises(sdk.NotFoundError) as caught:
        openai.chat.completions.create(model="no-such-model", messages=user("x"))
    assert caught.value.code == "model_not_found"


def test_bad_request(openai):
    with pytest.raises(sdk.BadRequestError):
        openai.chat.completions.create(model="sandbox-echo", messages="not a list")


def test_models(openai):
    names = {entry.id for entry in openai.models.list()}
    assert {"sandbox-echo", "assistant"} <= names


def test_an_alias_is_shown_by_its_own_name(openai):
    answer = openai.chat.completions.create(model="assistant", messages=user("who"))
    assert answer.model == "assistant"


def test_cached_tokens_are_counted_the_openai_way(openai, model):
    usage = openai.chat.completions.create(model=model("cached"), messages=user("one two three four")).usage
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens) == (4, 2)
