"""The official Google GenAI SDK against all families of providers."""

import itertools
import json
import urllib.request

import pytest
from google.genai import errors, types
from pydantic import BaseModel

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e3660000000049454e44ae426082"
)
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}}
TOOL = types.FunctionDeclaration(name="look_up", description="Looks something up", parameters_json_schema=TEXT)
OTHER = types.FunctionDeclaration(name="write_down", parameters_json_schema=TEXT)


class Person(BaseModel):
    name: str
    age: int


def config(*tools, **more):
    declared = [types.Tool(function_declarations=list(tools))] if tools else None
    quiet = types.AutomaticFunctionCallingConfig(disable=True)
    return types.GenerateContentConfig(tools=declared, automatic_function_calling=quiet, **more)


def ask(gemini, stream, **asked):
    """One whole answer: the parts of a stream joined as the SDK's own chats keep them."""
    if not stream:
        return gemini.models.generate_content(**asked)
    chunks = list(gemini.models.generate_content_stream(**asked))
    parts = [part for chunk in chunks for part in (chunk.candidates[0].content.parts or [])]
    last = chunks[-1]
    last.candidates[0].content.parts = parts
    return last


def text(answer):
    parts = answer.candidates[0].content.parts
    return "".join(part.text or "" for part in parts if not part.thought)


def calls(answer):
    return [part.function_call for part in answer.candidates[0].content.parts if part.function_call]


def result(call, said):
    response = types.FunctionResponse(id=call.id, name=call.name, response={"output": said})
    return types.Part(function_response=response)


def user(*parts):
    return types.Content(role="user", parts=[types.Part(text=part) if isinstance(part, str) else part for part in parts])


def raw(facts, key, model, stream, body):
    """The answers as they were sent: the SDK's models forbid what they do not know."""
    call = "streamGenerateContent?alt=sse" if stream else "generateContent"
    request = urllib.request.Request(
        f"{facts['base_url']}/v1beta/models/{model}:{call}",
        data=json.dumps(body).encode(),
        headers={"x-goog-api-key": key, "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        sent = answer.read().decode()
    if not stream:
        return [json.loads(sent)]
    events = [event for event in sent.replace("\r\n", "\n").split("\n\n") if event]
    assert all(event.startswith("data: ") for event in events), "the SDK takes any other line for data"
    return [json.loads(event.removeprefix("data: ")) for event in events]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["echo", "parallel-tools", "thinking"])
def test_nothing_is_unknown_or_missing(facts, key, model, name, stream):
    declared = [{"name": "look_up", "parametersJsonSchema": TEXT}, {"name": "write_down", "parametersJsonSchema": TEXT}]
    body = {
        "contents": [{"role": "user", "parts": [{"text": "words to be seen"}]}],
        "tools": [{"functionDeclarations": declared}],
        "generationConfig": {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 1024}},
    }
    answers = raw(facts, key, model(name), stream, body)
    for answer in answers:
        types.GenerateContentResponse.model_validate(answer)
        candidate = answer["candidates"][0]
        assert candidate["content"]["role"] == "model" and candidate["content"]["parts"]
        assert answer["modelVersion"] == model(name) and answer["responseId"]
    assert len({answer["responseId"] for answer in answers}) == 1
    assert [answer["candidates"][0].get("finishReason") for answer in answers if "finishReason" in answer["candidates"][0]] == ["STOP"]
    usage = answers[-1]["usageMetadata"]
    thought = usage.get("thoughtsTokenCount", 0)
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"] + thought


@pytest.mark.parametrize("stream", [False, True])
def test_answer(gemini, model, stream):
    answer = ask(gemini, stream, model=model("echo"), contents="four quiet words here")
    assert text(answer) == "four quiet words here"
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (4, 4, 8)


def test_a_stream_comes_in_pieces(gemini, model):
    chunks = list(gemini.models.generate_content_stream(model=model("echo"), contents="a stream of words"))
    assert len([chunk for chunk in chunks if chunk.text]) == 4


def test_headers_say_where_it_ran(gemini, model):
    headers = gemini.models.generate_content(model=model("echo"), contents="hello").sdk_http_response.headers
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["x-request-id"].startswith("req_")
    assert headers["x-probity-provider"] == model("echo").split("/")[0]


@pytest.mark.parametrize("stream", [False, True])
def test_instructions_and_limit(gemini, model, stream):
    words = [f"word{number}" for number in range(20)]
    asked = config(system_instruction="Be brief.", max_output_tokens=16)
    answer = ask(gemini, stream, model=model("echo"), contents=" ".join(words), config=asked)
    assert text(answer).split() == words[:16]
    assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["split-utf8", "crlf", "no-usage", "null-usage", "huge-event", "flaky"])
def test_oddities_do_not_show(gemini, model, name, stream):
    answer = ask(gemini, stream, model=model(name), contents=f"unusual {stream} words gemini")
    expected = {"split-utf8": "世界 🦀", "huge-event": "x" * 1000}.get(name, f"unusual {stream} words gemini")
    assert expected in text(answer)


@pytest.mark.parametrize("stream", [False, True])
def test_tool_round_trip(gemini, model, stream):
    asked = dict(model=model("tools"), config=config(TOOL))
    first = ask(gemini, stream, contents=[user("use the tool")], **asked)
    (call,) = calls(first)
    assert (call.name, call.args or {}) == ("look_up", {})
    turns = [user("use the tool"), first.candidates[0].content, user(result(call, "forty two"))]
    second = ask(gemini, stream, contents=turns, **asked)
    assert text(second) == "forty two" and not calls(second)


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tools(gemini, model, stream):
    asked = dict(model=model("parallel-tools"), config=config(TOOL, OTHER))
    first = ask(gemini, stream, contents=[user("both please")], **asked)
    made = calls(first)
    assert [(call.name, call.args["at"]) for call in made] == [("look_up", 0), ("write_down", 1)]
    results = [result(call, f"result {at}") for at, call in enumerate(made)]
    second = ask(gemini, stream, contents=[user("both please"), first.candidates[0].content, user(*results)], **asked)
    assert text(second) == "result 0 result 1"


def test_a_named_tool_is_forced(gemini, model):
    forced = types.FunctionCallingConfig(mode="ANY", allowed_function_names=["write_down"])
    asked = config(TOOL, OTHER, tool_config=types.ToolConfig(function_calling_config=forced))
    answer = ask(gemini, False, model=model("echo"), contents="now", config=asked)
    assert [call.name for call in calls(answer)] == ["write_down"]


def test_image(gemini, model):
    contents = [user("what is it", types.Part.from_bytes(data=PNG, mime_type="image/png"))]
    assert text(ask(gemini, False, model=model("image"), contents=contents)).startswith("images 1 image/png:")


@pytest.mark.parametrize("stream", [False, True])
def test_structured_output_is_parsed(gemini, model, stream):
    asked = config(response_mime_type="application/json", response_json_schema=Person.model_json_schema())
    answer = ask(gemini, stream, model=model("json-schema"), contents="a person", config=asked)
    Person.model_validate_json(text(answer))


@pytest.mark.parametrize("provider", ["sandbox-anthropic", "sandbox-gemini"])
@pytest.mark.parametrize("stream", [False, True])
def test_thoughts_and_their_signatures_survive_two_turns(gemini, provider, stream):
    """The provider checks what it gets back: the second turn would be refused if a byte were lost."""
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
    asked = dict(model=f"{provider}/sandbox-thinking", config=config(TOOL, thinking_config=thinking, max_output_tokens=4096))
    first = ask(gemini, stream, contents=[user("think")], **asked)
    parts = first.candidates[0].content.parts
    assert any(part.thought and part.text for part in parts) and any(part.thought_signature for part in parts)
    turns = [user("think"), first.candidates[0].content, user(result(calls(first)[0], "found"))]
    second = ask(gemini, stream, contents=turns, **asked)
    assert text(second) == "verified 1 found", "the provider recognised its own thinking"


def test_a_chat_keeps_its_history(gemini, model):
    chat = gemini.chats.create(model=model("echo"))
    assert chat.send_message("first words").text == "first words"
    assert "".join(chunk.text or "" for chunk in chat.send_message_stream("second words")) == "second words"
    # Every piece of a stream is a content of its own in the history.
    said = [
        (role, "".join(part.text or "" for content in contents for part in content.parts))
        for role, contents in itertools.groupby(chat.get_history(), key=lambda content: content.role)
    ]
    words = ["first words", "first words", "second words", "second words"]
    assert said == list(zip(["user", "model"] * 2, words))


def test_requests_reach_a_provider_of_the_same_format_as_they_are(gemini, received):
    asked = config(top_k=40, seed=7, stop_sequences=["never"])
    ask(gemini, False, model="sandbox-gemini/sandbox-echo", contents="just as it is", config=asked)
    sent = received("just as it is")
    assert sent["generationConfig"] == {"topK": 40.0, "seed": 7, "stopSequences": ["never"]}


@pytest.mark.parametrize("provider", ["sandbox-openai", "sandbox-anthropic", "sandbox-responses"])
def test_what_a_translation_drops_is_named_or_refused(gemini, provider):
    asked = config(media_resolution="MEDIA_RESOLUTION_LOW")
    answer = gemini.models.generate_content(model=f"{provider}/sandbox-echo", contents="dropped", config=asked)
    headers = {name.lower(): value for name, value in answer.sdk_http_response.headers.items()}
    assert "generationConfig.mediaResolution" in headers["x-probity-dropped"]
    strict = types.HttpOptions(headers={"x-probity-strict": "true"})
    with pytest.raises(errors.ClientError) as refused:
        asked = config(media_resolution="MEDIA_RESOLUTION_LOW", http_options=strict)
        gemini.models.generate_content(model=f"{provider}/sandbox-echo", contents="dropped", config=asked)
    assert "mediaResolution" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "error", "code"),
    [
        ("error-400", errors.ClientError, 400),
        ("error-429", errors.ClientError, 429),
        ("error-500", errors.ServerError, 500),
        ("error-529", errors.ServerError, 503),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_provider_errors_are_the_sdks_own(gemini, model, name, error, code, stream):
    with pytest.raises(error) as caught:
        ask(gemini, stream, model=model(name), contents="secret prompt words")
    assert caught.value.code == code and caught.value.status
    assert "secret prompt words" not in str(caught.value), "no error repeats the prompt"


@pytest.mark.parametrize("name", ["cut", "reset", "malformed-sse", "error-mid-stream"])
def test_a_broken_stream_is_no_answer(gemini, model, name):
    with pytest.raises(errors.APIError):
        list(gemini.models.generate_content_stream(model=model(name), contents="break in the middle please now"))


def test_wrong_key(facts):
    from google import genai

    options = types.HttpOptions(base_url=facts["base_url"])
    wrong = genai.Client(api_key="pbk_0000000000_" + "0" * 49, http_options=options)
    with pytest.raises(errors.ClientError) as caught:
        wrong.models.generate_content(model="sandbox-echo", contents="x")
    assert caught.value.code == 401


def test_unknown_model(gemini):
    with pytest.raises(errors.ClientError) as caught:
        gemini.models.generate_content(model="no-such-model", contents="x")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


def test_an_alias_is_shown_by_its_own_name(gemini):
    assert gemini.models.generate_content(model="assistant", contents="who").model_version == "assistant"


@pytest.mark.parametrize("stream", [False, True])
def test_cached_tokens_are_counted_the_google_way(gemini, model, stream):
    usage = ask(gemini, stream, model=model("cached"), contents="one two three four").usage_metadata
    assert (usage.prompt_token_count, usage.cached_content_token_count) == (4, 2)
