"""LangChain's clients of OpenAI's and Anthropic's formats, against providers of their own and of another format."""

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field


class look_up(BaseModel):
    """Looks something up."""

    text: str = Field(default="", description="What to look up")


class Person(BaseModel):
    """A person."""

    name: str
    age: int


CLIENTS = {
    "openai": lambda facts, key, model: ChatOpenAI(
        base_url=facts["openai_base_url"], api_key=key, model=model, max_retries=0, timeout=30, stream_usage=True
    ),
    "responses": lambda facts, key, model: ChatOpenAI(
        base_url=facts["openai_base_url"], api_key=key, model=model, max_retries=0, timeout=30,
        use_responses_api=True, store=False,
    ),
    "anthropic": lambda facts, key, model: ChatAnthropic(
        base_url=facts["anthropic_base_url"], api_key=key, model=model, max_retries=0, timeout=30, max_tokens=1024
    ),
}


@pytest.fixture(params=CLIENTS.values(), ids=CLIENTS.keys())
def chat(request, facts, key, provider):
    return lambda name: request.param(facts, key, f"{provider}/sandbox-{name}")


@pytest.fixture(params=["sandbox-openai", "sandbox-anthropic", "sandbox-cohere"])
def provider(request):
    return request.param


def test_answer(chat):
    answer = chat("echo").invoke([SystemMessage("Be brief."), HumanMessage("four quiet words here")])
    assert answer.text == "four quiet words here"
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (6, 4)


def test_stream(chat):
    pieces = list(chat("echo").stream("a stream of words"))
    assert "".join(piece.text for piece in pieces) == "a stream of words"
    assert len([piece for piece in pieces if piece.text]) == 4
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    assert whole.usage_metadata["output_tokens"] == 4


@pytest.mark.parametrize("stream", [False, True])
def test_tool_round_trip(chat, stream):
    bound = chat("tools").bind_tools([look_up])
    asked = [HumanMessage("use the tool")]

    def ask(messages):
        if not stream:
            return bound.invoke(messages)
        first, *rest = bound.stream(messages)
        for piece in rest:
            first += piece
        return first

    first = ask(asked)
    (call,) = first.tool_calls
    assert (call["name"], call["args"]) == ("look_up", {}) and not first.invalid_tool_calls
    second = ask([*asked, first, ToolMessage("forty two", tool_call_id=call["id"])])
    assert second.text == "forty two" and not second.tool_calls


def test_a_tool_is_forced(chat):
    bound = chat("echo").bind_tools([look_up, Person], tool_choice="Person")
    (call,) = bound.invoke("a person").tool_calls
    assert call["name"] == "Person" and isinstance(call["args"]["age"], int)
