"""The running installation, as the official SDKs see it."""

import json
import os
import pathlib
import urllib.request

import cohere as cohere_sdk
import pytest
from anthropic import Anthropic
from google import genai
from openai import OpenAI

FACTS = json.loads(pathlib.Path(os.environ["PROBITY_DEMO_JSON"]).read_text())
KEY = FACTS["organizations"][0]["projects"][0]["api_key"]

# The same twin behind each outbound format: together with four of the SDKs' formats, sixteen paths.
PROVIDERS = {
    "openai-provider": "sandbox-openai",
    "anthropic-provider": "sandbox-anthropic",
    "responses-provider": "sandbox-responses",
    "gemini-provider": "sandbox-gemini",
}


@pytest.fixture
def openai():
    return OpenAI(base_url=FACTS["openai_base_url"], api_key=KEY, max_retries=0, timeout=30)


@pytest.fixture
def anthropic():
    return Anthropic(base_url=FACTS["anthropic_base_url"], api_key=KEY, max_retries=0, timeout=30)


@pytest.fixture
def gemini():
    options = genai.types.HttpOptions(base_url=FACTS["base_url"], timeout=30_000)
    return genai.Client(api_key=KEY, http_options=options)


@pytest.fixture
def cohere():
    return cohere_sdk.ClientV2(base_url=FACTS["base_url"], api_key=KEY, timeout=30)


@pytest.fixture
def key():
    return KEY


@pytest.fixture(params=PROVIDERS.values(), ids=PROVIDERS.keys())
def model(request):
    """Names a sandbox model at one of the providers."""
    return lambda name: f"{request.param}/sandbox-{name}"


@pytest.fixture
def facts():
    return FACTS


@pytest.fixture
def received():
    """The newest body with that text which the provider was sent."""

    def read(text):
        with urllib.request.urlopen(FACTS["sandbox"]["inspect_url"], timeout=10) as answer:
            bodies = [request["body"] for request in json.load(answer)["requests"]]
        return json.loads([body for body in bodies if text in body][-1])

    return read
