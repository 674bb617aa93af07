"""The official OpenAI SDK's Responses against all families of providers."""

import json

import openai as sdk
import pytest
from pydantic import BaseModel

PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOL = {
    "type": "function",
    "name": "look_up",
    "description": "Looks something up",
    "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
    "strict": False,
}
OTHER = {**TOOL, "name": "write_down"}
# Members that the service sends and the SDK's models do not name; earlier SDKs require the name of a function
# in the event that closes its arguments.
UNNAMED = {"store", "obfuscation", "name"}
REASONING = {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}


class Person(BaseModel):
    name: str
    age: int


def user(content):
    return [{"role": "user", "content": content}]


def ask(openai, stream, **asked):
    """One whole response, put together by the SDK where it is streamed."""
    if not stream:
        return strict(openai.responses.create(**asked))
    with openai.responses.stream(**asked) as events:
        return events.get_final_response()


def strict(value):
    """The SDK takes what it gets; here what is missing, mistyped or unknown to its models is a failure."""
    known(type(value).model_validate(value.to_dict()))
    return value


def known(value):
    if isinstance(value, BaseModel):
        assert set(value.model_extra or {}) <= UNNAMED, f"{type(value).__name__}: {sorted(value.model_extra)}"
        value = {name: getattr(value, name) for name in value.model_fields_set}
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        known(inner)


def calls(response):
    return [item for item in response.output if item.type == "function_call"]


def output(call, text):
    return {"type": "function_call_output", "call_id": call.call_id, "output": text}


@pytest.mark.parametrize("stream", [False, True])
def test_answer(openai, model, stream):
    answer = ask(openai, stream, model=model("echo"), input="four quiet words here")
    assert (answer.output_text, answer.status) == ("four quiet words here", "completed")
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (4, 4, 8)


def test_headers_say_where_it_ran(openai, model):
    raw = openai.responses.with_raw_response.create(model=model("echo"), input="hello")
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["x-probity-provider"] == model("echo").split("/")[0]
    assert raw.headers["x-probity-receipt"]


@pytest.mark.parametrize("name", ["echo", "thinking", "parallel-tools"])
def test_events_are_complete_and_in_order(openai, model, name):
    asked = dict(model=model(name), input="a stream of words", tools=[TOOL, OTHER], **REASONING)
    events = [strict(event) for event in openai.responses.create(**asked, stream=True)]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"] and kinds[-1] == "response.completed"
    opened = [event for event in events if event.type == "response.output_item.added"]
    closed = [event.item for event in events if event.type == "response.output_item.done"]
    assert [event.output_index for event in opened] == list(range(len(opened)))
    assert [event.item.id for event in opened] == [item.id for item in closed]
    assert closed == events[-1].response.output
    for index, item in enumerate(closed):
        pieces = [event for event in events if getattr(event, "delta", None) and event.output_index == index]
        assert all(event.item_id == item.id for event in pieces)
        whole = {
            "message": lambda: item.content[0].text,
            "function_call": lambda: item.arguments,
            "reasoning": lambda: "".join(part.text for part in item.summary),
        }[item.type]()
        assert "".join(event.delta for event in pieces) == whole


@pytest.mark.parametrize("stream", [False, True])
def test_instructions_and_limit(openai, model, stream):
    words = [f"word{number}" for number in range(20)]
    asked = dict(model=model("echo"), instructions="Be brief.", input=" ".join(words), max_output_tokens=16)
    answer = openai.responses.create(**asked, stream=stream)
    if stream:
        final = list(answer)[-1]
        assert final.type == "response.incomplete"
        answer = final.response
    assert answer.output_text.split() == words[:16]
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["split-utf8", "crlf", "comments", "no-usage", "null-usage", "huge-event", "flaky"])
def test_oddities_do_not_show(openai, model, name, stream):
    answer = ask(openai, stream, model=model(name), input=f"unusual {stream} words")
    expected = {"split-utf8": "世界 🦀", "huge-event": "x" * 1000}.get(name, f"unusual {stream} words")
    assert expected in answer.output_text


@pytest.mark.parametrize("stream", [False, True])
def test_tool_round_trip(openai, model, stream):
    asked = dict(model=model("tools"), tools=[TOOL])
    first = ask(openai, stream, input=user("use the tool"), **asked)
    call = calls(first)[0]
    assert (call.name, call.arguments, first.status) == ("look_up", "{}", "completed")
    second = ask(openai, stream, input=[*user("use the tool"), *first.output, output(call, "forty two")], **asked)
    assert second.output_text == "forty two" and not calls(second)


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tools(openai, model, stream):
    asked = dict(model=model("parallel-tools"), tools=[TOOL, OTHER])
    first = ask(openai, stream, input=user("both please"), **asked)
    made = calls(first)
    assert [call.name for call in made] == ["look_up", "write_down"]
    assert [json.loads(call.arguments)["at"] for call in made] == [0, 1]
    outputs = [output(call, f"result {at}") for at, call in enumerate(made)]
    second = ask(openai, stream, input=[*user("both please"), *first.output, *outputs], **asked)
    assert second.output_text == "result 0 result 1"


def test_a_named_tool_is_forced(openai, model):
    choice = {"type": "function", "name": "write_down"}
    answer = ask(openai, False, model=model("echo"), input="now", tools=[TOOL, OTHER], tool_choice=choice)
    assert [call.name for call in calls(answer)] == ["write_down"]


def test_image(openai, model):
    content = [{"type": "input_text", "text": "what is it"}, {"type": "input_image", "image_url": PNG, "detail": "auto"}]
    answer = ask(openai, False, model=model("image"), input=user(content))
    assert answer.output_text.startswith("images 1 image/png:")


@pytest.mark.parametrize("stream", [False, True])
def test_structured_output_is_parsed(openai, model, stream):
    asked = dict(model=model("json-schema"), input="a person", text_format=Person)
    answer = ask(openai, True, **asked) if stream else openai.responses.parse(**asked)
    assert answer.output_parsed == Person.model_validate_json(answer.output_text)


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_survives_two_turns(openai, model, stream):
    """The provider checks what it gets back: the second turn would be refused if a byte were lost."""
    asked = dict(model=model("thinking"), tools=[TOOL], **REASONING)
    first = ask(openai, stream, input=user("think"), **asked)
    thought = first.output[0]
    assert thought.type == "reasoning" and thought.summary[0].text and thought.encrypted_content
    second = ask(openai, stream, input=[*user("think"), *first.output, output(calls(first)[0], "found")], **asked)
    assert second.output_text == "verified 1 found", "the provider recognised its own reasoning"


@pytest.mark.parametrize("provider", ["sandbox-anthropic", "sandbox-responses"])
@pytest.mark.parametrize("stream", [False, True])
def test_hidden_reasoning_survives_two_turns(openai, provider, stream):
    asked = dict(model=f"{provider}/sandbox-redacted-thinking", **REASONING)
    first = ask(openai, stream, input=user("think"), **asked)
    assert first.output[0].summary == [] and first.output[0].encrypted_content
    second = ask(openai, stream, input=[*user("think"), *first.output, *user("again")], **asked)
    assert second.output_text == "verified 1 again"


def test_reasoning_tokens_are_counted(openai):
    usage = ask(openai, False, model="sandbox-responses/sandbox-thinking", input="think").usage
    assert usage.output_tokens_details.reasoning_tokens == 5 < usage.output_tokens


@pytest.mark.parametrize(
    ("name", "value"),
    [("previous_response_id", "resp_1"), ("conversation", "conv_1"), ("background", True), ("store", True)],
)
def test_what_asks_for_a_store_is_refused(openai, model, name, value):
    with pytest.raises(sdk.BadRequestError) as caught:
        openai.responses.create(model=model("echo"), input="and then", **{name: value})
    assert caught.value.param == name
    assert "Nothing is stored here" in str(caught.value), "the error says what to do instead"


def test_nothing_is_stored_at_the_provider(openai, received):
    answer = ask(openai, False, model="sandbox-responses/sandbox-echo", input="leave no trace")
    assert received("leave no trace")["store"] is False
    assert answer.model_extra["store"] is False


def test_unknown_fields_reach_a_provider_of_the_same_format(openai, received):
    """The provider's own word counts: this one refuses what it does not know."""
    with pytest.raises(sdk.BadRequestError):
        openai.responses.create(
            model="sandbox-responses/sandbox-echo", input="unknown members", extra_body={"future_field": {"deep": [1, 2]}}
        )
    sent = received("unknown members")
    assert sent["future_field"] == {"deep": [1, 2]} and sent["model"] == "sandbox-echo"


@pytest.mark.parametrize("provider", ["sandbox-openai", "sandbox-anthropic"])
def test_what_a_translation_drops_is_named_or_refused(openai, provider):
    asked = dict(model=f"{provider}/sandbox-echo", input="dropped", truncation="auto")
    raw = openai.responses.with_raw_response.create(**asked)
    assert "truncation" in raw.headers["x-probity-dropped"]
    with pytest.raises(sdk.BadRequestError) as refused:
        openai.responses.create(**asked, extra_headers={"x-probity-strict": "true"})
    assert "truncation" in str(refused.value)


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
        openai.responses.create(model=model(name), input="secret prompt words", stream=stream)
    assert status is None or caught.value.status_code == status
    assert "secret prompt words" not in str(caught.value), "no error repeats the prompt"
    assert caught.value.request_id


def test_a_refused_credential_of_the_provider_is_named_as_such(openai, model):
    """401 from upstream means that the stored credential is wrong: the caller's key is fine."""
    with pytest.raises(sdk.AuthenticationError) as caught:
        openai.responses.create(model=model("error-401"), input="x")
    assert "provider" in str(caught.value)


@pytest.mark.parametrize("name", ["cut", "reset", "malformed-sse", "error-mid-stream"])
def test_a_broken_stream_is_no_answer(openai, model, name):
    """The format has an event for it, which the SDK hands on as it came; its own helper has no answer to give."""
    asked = dict(model=model(name), input="break in the middle please now")
    try:
        kinds = [event.type for event in openai.responses.create(**asked, stream=True)]
        assert kinds[-1] in {"error", "response.failed"} and "response.completed" not in kinds
    except sdk.APIError:
        pass
    with pytest.raises((sdk.APIError, RuntimeError)):
        ask(openai, True, **asked)


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_inside_a_200_is_an_error(openai, model, stream):
    with pytest.raises(sdk.APIStatusError):
        openai.responses.create(model=model("error-in-200"), input="x", stream=stream)


def test_wrong_key(openai):
    with pytest.raises(sdk.AuthenticationError):
        openai.with_options(api_key="pbk_0000000000_" + "0" * 49).responses.create(model="sandbox-echo", input="x")


def test_unknown_model(openai):
    with pytest.raises(sdk.NotFoundError) as caught:
        openai.responses.create(model="no-such-model", input="x")
    assert caught.value.code == "model_not_found"


def test_bad_request(openai):
    with pytest.raises(sdk.BadRequestError):
        openai.responses.create(model="sandbox-echo", input=12)


def test_an_alias_is_shown_by_its_own_name(openai):
    assert ask(openai, False, model="assistant", input="who").model == "assistant"


def test_cached_tokens_are_counted_the_openai_way(openai, model):
    usage = ask(openai, False, model=model("cached"), input="one two three four").usage
    assert (usage.input_tokens, usage.input_tokens_details.cached_tokens) == (4, 2)
