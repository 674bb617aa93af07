"""Files and batches by the official OpenAI SDK."""

import json
import time
import urllib.request

import openai as sdk
import pytest

from test_tasks import strict

ENDPOINT = "/v1/chat/completions"


@pytest.fixture(autouse=True)
def storing(facts):
    """An admin lets the project store files and batches."""
    organization = facts["organizations"][0]
    request = urllib.request.Request(
        f"{facts['base_url']}/api/v1/projects/{organization['projects'][0]['id']}/content-storage",
        data=b'{"allowed": true}',
        method="PUT",
        headers={"authorization": f"Bearer {organization['admin_key']}", "content-type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()


def lines(*models, endpoint=ENDPOINT):
    def line(number, model):
        body = {"model": model, "messages": [{"role": "user", "content": f"giraffe number {number}"}]}
        return json.dumps({"custom_id": f"line-{number}", "method": "POST", "url": endpoint, "body": body})

    return "\n".join(line(number, model) for number, model in enumerate(models)).encode()


def over(openai, batch, seconds=20):
    deadline = time.monotonic() + seconds
    while batch.status in ("validating", "in_progress", "finalizing"):
        assert time.monotonic() < deadline, batch
        time.sleep(0.05)
        batch = strict(openai.batches.retrieve(batch.id))
    return batch


def read(openai, file):
    return {line["custom_id"]: line for line in map(json.loads, openai.files.content(file).text.splitlines())}


def test_a_batch_is_worked_through(openai, model):
    content = lines(model("echo"), model("echo"), "no-such-model")
    file = strict(
        openai.files.create(
            file=("giraffes.jsonl", content), purpose="batch", expires_after={"anchor": "created_at", "seconds": 7200}
        )
    )
    assert (file.filename, file.bytes, file.purpose, file.status) == ("giraffes.jsonl", len(content), "batch", "processed")
    assert file.expires_at - file.created_at == 7200
    assert openai.files.content(file.id).content == content
    batch = strict(
        openai.batches.create(
            input_file_id=file.id,
            endpoint=ENDPOINT,
            completion_window="24h",
            metadata={"herd": "north"},
            extra_body={"output_expires_after": {"anchor": "created_at", "seconds": 3600}},
        )
    )
    assert batch.metadata == {"herd": "north"} and batch.expires_at - batch.created_at == 24 * 3600
    batch = over(openai, batch)
    counts = batch.request_counts
    assert (batch.status, counts.total, counts.completed, counts.failed) == ("completed", 3, 2, 1)
    answers = read(openai, batch.output_file_id)
    for number in (0, 1):
        response = answers[f"line-{number}"]["response"]
        completion = strict(sdk.types.chat.ChatCompletion.model_validate(response["body"]))
        assert completion.choices[0].message.content == f"giraffe number {number}"
        assert response["status_code"] == 200 and response["request_id"].startswith("req_")
    errors = read(openai, batch.error_file_id)
    assert errors["line-2"]["response"]["body"]["error"]["code"] == "model_not_found"
    output = strict(openai.files.retrieve(batch.output_file_id))
    assert output.purpose == "batch_output"
    assert file.id in [one.id for one in openai.files.list(purpose="batch", limit=2)], "over all pages"
    assert batch.id in [one.id for one in openai.batches.list(limit=1)]
    gone = strict(openai.files.delete(output.id))
    assert gone.deleted and gone.id == output.id
    with pytest.raises(sdk.NotFoundError):
        openai.files.content(output.id)


def test_a_file_with_mistakes_fails_and_says_where(openai):
    file = openai.files.create(file=("f.jsonl", lines("m") + b"\nnothing"), purpose="batch")
    batch = openai.batches.create(input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h")
    batch = over(openai, batch)
    assert batch.status == "failed" and batch.failed_at
    assert [(one.code, one.line) for one in batch.errors.data] == [("invalid_json_line", 2)]


def test_cancelling_destroys_the_content(openai):
    file = openai.files.create(file=("f.jsonl", lines("sandbox-openai/sandbox-slow-headers")), purpose="batch")
    batch = openai.batches.create(input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h")
    batch = strict(openai.batches.cancel(batch.id))
    assert batch.status == "cancelled" and batch.cancelled_at
    with pytest.raises(sdk.NotFoundError):
        openai.files.retrieve(file.id)
    with pytest.raises(sdk.ConflictError):
        openai.batches.cancel(batch.id)


def test_other_purposes_are_refused(openai):
    with pytest.raises(sdk.BadRequestError) as refused:
        openai.files.create(file=("f.jsonl", b"{}"), purpose="fine-tune")
    assert refused.value.code == "unsupported_purpose"


def test_a_project_that_stores_nothing_says_who_can_change_it(facts):
    other = sdk.OpenAI(
        base_url=facts["openai_base_url"], api_key=facts["organizations"][1]["projects"][0]["api_key"], max_retries=0
    )
    with pytest.raises(sdk.PermissionDeniedError) as refused:
        other.files.create(file=("f.jsonl", lines("m")), purpose="batch")
    assert refused.value.code == "storage_off" and "admin" in str(refused.value)
