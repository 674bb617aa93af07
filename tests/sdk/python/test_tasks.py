"""What is no conversation: embeddings, ranking, moderation, images and sound, by the SDKs of OpenAI and Cohere."""

import base64
import io

import cohere as cohere_sdk
import openai as sdk
import pytest
from strictly import strict

TEXTS = ["purple giraffe whispers", "in the night"]


@pytest.fixture(params=["sandbox-openai", "sandbox-responses"])
def model(request):
    return lambda name: f"{request.param}/sandbox-{name}"


@pytest.mark.parametrize("asked", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}])
def test_embeddings(openai, model, asked):
    answer = openai.embeddings.create(model=model("embed"), input=TEXTS, **asked)
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (6, 6)
    assert answer.model == model("embed") and [item.index for item in answer.data] == [0, 1]
    if asked.get("encoding_format") == "base64":
        assert len(base64.b64decode(answer.data[0].embedding)) == 4 * 384
        return
    strict(answer)
    assert len(answer.data[0].embedding) == 384
    again = openai.embeddings.create(model=model("embed"), input=TEXTS[0], dimensions=16)
    assert len(again.data[0].embedding) == 16


def test_tokens_pass_as_they_are(openai, received):
    openai.embeddings.create(model="sandbox-openai/sandbox-embed", input=[[4711, 815], [31415]])
    body = received("4711")
    assert body["input"] == [[4711, 815], [31415]] and body["model"] == "sandbox-embed"


def test_moderation(openai):
    answer = strict(openai.moderations.create(model="sandbox-moderation", input=["violence", "a walk"]))
    assert [result.flagged for result in answer.results] == [True, False]
    assert answer.results[0].categories.violence and answer.results[1].category_scores.violence < 0.5


def test_images(openai, model):
    answer = strict(openai.images.generate(model=model("draw"), prompt="a giraffe", n=2, size="1024x1024"))
    images = [base64.b64decode(image.b64_json) for image in answer.data]
    assert len(images) == 2 and all(image.startswith(b"\x89PNG") for image in images)
    assert answer.usage.output_tokens == 200
    changed = strict(
        openai.images.edit(model=model("draw"), prompt="a taller giraffe", image=("giraffe.png", images[0], "image/png"))
    )
    assert changed.data[0].b64_json and changed.usage.input_tokens_details.image_tokens == 100


def test_images_in_the_making(openai):
    events = list(openai.images.generate(model="sandbox-draw", prompt="x", stream=True, partial_images=2))
    assert [event.type for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert strict(events[-1]).usage.output_tokens == 100


def test_speech_is_heard_again(openai, model):
    with openai.audio.speech.with_streaming_response.create(
        model=model("speech"), voice="alloy", input="a purple giraffe", response_format="wav"
    ) as answer:
        assert answer.headers["content-type"] == "audio/wav"
        sound = b"".join(answer.iter_bytes())
    assert sound.startswith(b"RIFF") and len(sound) == 44 + 16 * 800
    file = ("giraffe.wav", io.BytesIO(sound), "audio/wav")
    heard = openai.audio.transcriptions.create(model=model("transcribe"), file=file)
    assert strict(heard).text == f"a recording of {len(sound)} bytes"
    assert heard.usage.type == "duration" and heard.usage.seconds == 1
    file = ("giraffe.wav", io.BytesIO(sound), "audio/wav")
    events = list(openai.audio.transcriptions.create(model=model("transcribe"), file=file, stream=True))
    assert events[-1].type == "transcript.text.done" and strict(events[-1]).usage.output_tokens == 5
    file = ("giraffe.wav", io.BytesIO(sound), "audio/wav")
    text = openai.audio.transcriptions.create(model=model("transcribe"), file=file, response_format="text")
    assert text.startswith("a recording of")


def test_sound_that_breaks_off_is_noticed(openai):
    with pytest.raises(Exception) as caught:
        with openai.audio.speech.with_streaming_response.create(
            model="sandbox-openai/sandbox-cut", voice="alloy", input="break off in the middle", response_format="wav"
        ) as answer:
            b"".join(answer.iter_bytes())
    assert "peer closed" in str(caught.value) or isinstance(caught.value, sdk.APIError)


@pytest.mark.parametrize(
    ("name", "error"),
    [("error-400", sdk.BadRequestError), ("error-429", sdk.RateLimitError), ("error-500", sdk.InternalServerError)],
)
def test_provider_errors_are_the_sdks_own(openai, model, name, error):
    with pytest.raises(error) as caught:
        openai.embeddings.create(model=model(name), input="secret prompt words")
    assert "secret prompt words" not in str(caught.value)


def test_a_model_is_asked_where_it_serves(openai):
    with pytest.raises(sdk.BadRequestError) as caught:
        openai.embeddings.create(model="sandbox-openai/sandbox-draw", input="x")
    assert "/v1/images/generations" in str(caught.value) and caught.value.code == "wrong_endpoint"


def test_models_of_every_kind_are_listed(openai):
    listed = {entry.id for entry in openai.models.list()}
    assert {"sandbox-echo", "sandbox-embed", "sandbox-rerank", "sandbox-draw", "sandbox-speech"} <= listed


def test_cohere_embeds(cohere):
    answer = cohere.embed(
        model="sandbox-embed", texts=TEXTS, input_type="search_document", embedding_types=["float", "base64"]
    )
    assert len(answer.embeddings.float_[1]) == 384 and len(base64.b64decode(answer.embeddings.base64[0])) == 4 * 384
    assert answer.texts == TEXTS and answer.meta.billed_units.input_tokens == 6
    assert strict(answer).response_type == "embeddings_by_type"


def test_cohere_ranks(cohere):
    documents = ["nothing here", "a purple giraffe"]
    answer = cohere.rerank(model="sandbox-rerank", query="purple giraffe", documents=documents, top_n=1)
    assert [(row.index, row.relevance_score) for row in strict(answer).results] == [(1, 1.0)]
    assert answer.meta.api_version.version == "2"


def test_cohere_errors_are_the_sdks_own(cohere, facts):
    with pytest.raises(cohere_sdk.NotFoundError) as caught:
        cohere.embed(model="no-such-model", texts=["x"], input_type="search_query", embedding_types=["float"])
    assert caught.value.body["code"] == "model_not_found" and caught.value.body["message"]
    nobody = cohere_sdk.ClientV2(base_url=facts["base_url"], api_key="pbk_0000000000_" + "0" * 49, timeout=30)
    with pytest.raises(cohere_sdk.UnauthorizedError) as caught:
        nobody.rerank(model="sandbox-rerank", query="q", documents=["d"])
    assert "message" in caught.value.body
