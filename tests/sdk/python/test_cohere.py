"""The official Cohere SDK's conversations against all families of providers."""

import json

import cohere as sdk
import pytest
from strictly import strict

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
ONCE = {"max_retries": 0}


@pytest.fixture(params=["openai", "anthropic", "responses", "gemini", "cohere"])
def model(request):
    return lambda name: f"sandbox-{request.param}/sandbox-{name}"


def user(content):
    return [{"role": "user", "content": content}]


def text_of(message):
    return "".join(part.text for part in message.content or [] if part.type == "text")


def ask(cohere, stream, **asked):
    """One whole answer, a stream put together as the SDK's examples do it."""
    if not stream:
        return strict(cohere.chat(request_options=ONCE, **asked))
    message = {"role": "assistant", "content": [], "tool_calls": [], "tool_plan": ""}
    answer = {}
    for event in cohere.chat_stream(request_options=ONCE, **asked):
        if event.type == "message-start":
            # The service says more of the empty message there than its SDK knows.
            assert event.delta.message.role == "assistant"
            answer["id"] = event.id
            continue
        delta = strict(event).delta.model_dump(exclude_none=True) if getattr(event, "delta", None) else {}
        told = delta.get("message", {})
        if event.type == "content-start":
            assert event.index == len(message["content"])
            message["content"].append(told["content"])
        elif event.type == "content-delta":
            for name, text in told["content"].items():
                message["content"][event.index][name] += text
        elif event.type == "tool-plan-delta":
            message["tool_plan"] += told["tool_plan"]
        elif event.type == "tool-call-start":
            assert event.index == len(message["tool_calls"])
            message["tool_calls"].append(told["tool_calls"])
        elif event.type == "tool-call-delta":
            message["tool_calls"][event.index]["function"]["arguments"] += told["tool_calls"]["function"]["arguments"]
        elif event.type == "message-end":
            answer |= delta
    return sdk.V2ChatResponse.model_validate({**answer, "message": {name: value for name, value in message.items() if value}})


@pytest.mark.parametrize("stream", [False, True])
def test_answer(cohere, model, stream):
    answer = ask(cohere, stream, model=model("echo"), messages=user("four quiet words here"))
    assert text_of(answer.message) == "four quiet words here"
    assert answer.finish_reason == "COMPLETE" and answer.id
    billed = answer.usage.billed_units
    assert (billed.input_tokens, billed.output_tokens) == (4, 4)


def test_a_stream_comes_in_pieces(cohere, model):
    events = list(cohere.chat_stream(model=model("echo"), messages=user("a stream of words")))
    assert [event.type for event in events].count("content-delta") == 4
    assert (events[0].type, events[-1].type) == ("message-start", "message-end")


def test_headers_say_where_it_ran(cohere, model):
    raw = cohere.with_raw_response.chat(model=model("echo"), messages=user("hello"))
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["x-probity-provider"] == model("echo").split("/")[0]


@pytest.mark.parametrize("stream", [False, True])
def test_instructions_and_limit(cohere, model, stream):
    words = [f"word{number}" for number in range(20)]
    messages = [{"role": "system", "content": "Be brief."}, *user(" ".join(words))]
    answer = ask(cohere, stream, model=model("echo"), messages=messages, max_tokens=16)
    assert text_of(answer.message).split() == words[:16] and answer.finish_reason == "MAX_TOKENS"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["split-utf8", "crlf", "comments", "no-usage", "null-usage", "huge-event", "flaky"])
def test_oddities_do_not_show(cohere, model, name, stream):
    answer = ask(cohere, stream, model=model(name), messages=user(f"strange {stream} words cohere"))
    expected = {"split-utf8": "世界 🦀", "huge-event": "x" * 1000}.get(name, f"strange {stream} words cohere")
    assert expected in text_of(answer.message)


@pytest.mark.parametrize("stream", [False, True])
def test_tool_round_trip(cohere, model, stream):
    asked = dict(model=model("tools"), tools=[TOOL])
    first = ask(cohere, stream, messages=user("use the tool"), **asked)
    (call,) = first.message.tool_calls
    assert first.finish_reason == "TOOL_CALL"
    assert (call.function.name, json.loads(call.function.arguments)) == ("look_up", {})
    document = {"type": "document", "document": {"data": {"found": "forty two"}}}
    messages = user("use the tool") + [
        first.message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": [document]},
    ]
    second = ask(cohere, stream, messages=messages, **asked)
    assert json.loads(text_of(second.message)) == {"found": "forty two"} and not second.message.tool_calls


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tools(cohere, model, stream):
    answer = ask(cohere, stream, model=model("parallel-tools"), messages=user("both please"), tools=[TOOL, OTHER])
    calls = [(call.function.name, json.loads(call.function.arguments)["at"]) for call in answer.message.tool_calls]
    assert calls == [("look_up", 0), ("write_down", 1)]
    assert len({call.id for call in answer.message.tool_calls}) == 2


def test_a_tool_is_forced_or_forbidden(cohere, model):
    answer = ask(cohere, False, model=model("echo"), messages=user("now"), tools=[OTHER], tool_choice="REQUIRED")
    assert [call.function.name for call in answer.message.tool_calls] == ["write_down"]
    answer = ask(cohere, False, model=model("tools"), messages=user("not now"), tools=[OTHER], tool_choice="NONE")
    assert text_of(answer.message) == "not now"


def test_image(cohere, model):
    content = [{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": PNG}}]
    answer = ask(cohere, False, model=model("image"), messages=user(content))
    assert text_of(answer.message).startswith("images 1 image/png:")


@pytest.mark.parametrize("stream", [False, True])
def test_json_schema(cohere, model, stream):
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    asked = dict(response_format={"type": "json_object", "json_schema": schema})
    answer = ask(cohere, stream, model=model("json-schema"), messages=user("a person"), **asked)
    value = json.loads(text_of(answer.message))
    assert isinstance(value["name"], str) and isinstance(value["age"], int)


@pytest.mark.parametrize("provider", ["sandbox-anthropic", "sandbox-cohere"])
def test_thinking_survives_two_turns(cohere, provider):
    """Anthropic checks its signature: the second turn would be refused if a byte were lost."""
    asked = dict(model=f"{provider}/sandbox-thinking", tools=[TOOL], max_tokens=4096)
    asked["thinking"] = {"type": "enabled", "token_budget": 1024}
    first = cohere.chat(messages=user("think"), **asked)
    thought = first.message.content[0]
    assert (thought.type, bool(thought.thinking)) == ("thinking", True)
    messages = user("think") + [
        first.message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": first.message.tool_calls[0].id, "content": '{"found":true}'},
    ]
    second = cohere.chat(messages=messages, **asked)
    assert text_of(second.message).startswith("verified 1"), "the provider recognised its own thinking"


@pytest.mark.parametrize("stream", [False, True])
def test_documents_are_cited_by_cohere(cohere, stream):
    asked = dict(model="sandbox-cohere/sandbox-echo", messages=user("owls fly"), documents=[{"id": "d", "data": {"text": "Owls fly."}}])
    if stream:
        (cited,) = [strict(event).delta.message.citations for event in cohere.chat_stream(**asked) if event.type == "citation-start"]
    else:
        (cited,) = strict(cohere.chat(**asked)).message.citations
    assert (cited.text, cited.sources[0].id) == ("owls", "d")


def test_documents_are_read_by_others(cohere, model):
    if model("echo").startswith("sandbox-cohere"):
        return
    answer = cohere.with_raw_response.chat(model=model("echo"), messages=user("which"), documents=["Owls fly."])
    assert "Owls fly." in text_of(answer.data.message)
    assert answer.headers["x-probity-dropped"] == "citation_options"


def test_requests_reach_a_provider_of_the_same_format_as_they_are(cohere, received):
    cohere.chat(model="sandbox-cohere/sandbox-echo", messages=user("just as it comes"), k=40, seed=7, safety_mode="STRICT")
    sent = received("just as it comes")
    assert (sent["k"], sent["seed"], sent["safety_mode"], sent["model"]) == (40, 7, "STRICT", "sandbox-echo")


def test_strict_mode_refuses_what_would_be_lost(cohere):
    asked = dict(model="sandbox-anthropic/sandbox-echo", messages=user("dropped"), seed=7)
    assert cohere.with_raw_response.chat(**asked).headers["x-probity-dropped"] == "seed"
    with pytest.raises(sdk.BadRequestError) as refused:
        cohere.chat(**asked, request_options={"additional_headers": {"x-probity-strict": "true"}})
    assert refused.value.body["code"] == "lossy_route"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("error-400", sdk.BadRequestError),
        ("error-401", sdk.UnauthorizedError),
        ("error-500", sdk.InternalServerError),
        ("error-529", sdk.ServiceUnavailableError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_provider_errors_are_the_sdks_own(cohere, model, name, error, stream):
    with pytest.raises(error) as caught:
        ask(cohere, stream, model=model(name), messages=user("secret prompt words"))
    assert caught.value.body["code"] and caught.value.body["message"]
    assert "secret prompt words" not in str(caught.value)


def test_too_many_requests_say_when_to_come_back(cohere):
    with pytest.raises(sdk.TooManyRequestsError) as caught:
        ask(cohere, True, model="sandbox-cohere/sandbox-error-429", messages=user("secret prompt words"))
    assert int(caught.value.headers["retry-after"]) >= 1


@pytest.mark.parametrize("name", ["cut", "reset", "malformed-sse", "error-mid-stream"])
def test_a_broken_stream_ends_with_an_error(cohere, model, name):
    events = list(cohere.chat_stream(model=model(name), messages=user("break in the middle please now")))
    last = strict_but_code(events[-1])
    assert (last.type, last.delta.finish_reason) == ("message-end", "ERROR") and last.delta.error


def strict_but_code(event):
    """The house's code stands beside the message of every error."""
    assert event.delta.model_extra.keys() == {"code"}
    return event


def test_wrong_key_and_unknown_model(cohere, facts):
    nobody = sdk.ClientV2(base_url=facts["base_url"], api_key="pbk_0000000000_" + "0" * 49)
    with pytest.raises(sdk.UnauthorizedError):
        nobody.chat(model="sandbox-echo", messages=user("x"))
    with pytest.raises(sdk.NotFoundError) as caught:
        cohere.chat(model="no-such-model", messages=user("x"))
    assert caught.value.body["code"] == "model_not_found"


def test_an_address_with_a_version_serves_too(facts, key):
    client = sdk.ClientV2(base_url=facts["openai_base_url"], api_key=key)
    assert text_of(client.chat(model="sandbox-echo", messages=user("there")).message) == "there"
