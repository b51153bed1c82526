"""The worked example of docs/api.md works as it is written."""

import re
import shlex
from pathlib import Path

import pytest

from accounts.tenancy import account_scope
from flows.models import Flow
from triggers.models import Occurrence

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
CURL = re.compile(
    r"^(?:(?P<name>\w+)=\$\()?(?P<command>curl .*?)(?: \| id\))?$(?=\n\n|\n#|\ncurl|\n\w+=|\n?\Z)", re.M | re.S
)

pytestmark = pytest.mark.django_db


def perform(client, command, variables):
    """What curl would do with these arguments."""
    words = iter(shlex.split(re.sub(r"\$(\w+)", lambda found: variables[found[1]], command.replace("\\\n", " ")))[1:])
    method, url, headers, body = "", "", {}, ""
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-X":
            method = next(words)
        elif word == "-d":
            body = next(words)
        elif word != "-sf":
            url = word
    content_type = headers.pop("Content-Type", "application/octet-stream")
    return client.generic(method or ("POST" if body else "GET"), url, body, content_type=content_type, headers=headers)


def test_the_worked_example_works(api, acme, nobody):
    script = re.search(r"```sh\n(.*?)```", PAGE.read_text(), re.S)[1].strip()
    secret = api._credentials.get("HTTP_AUTHORIZATION", api.defaults.get("HTTP_AUTHORIZATION"))
    variables = {"FLYT": "", "AUTH": f"Authorization: {secret}"}
    answers = []
    for found in CURL.finditer(script):
        answer = perform(nobody, found["command"], variables)
        assert answer.status_code < 300, f"{found['command']}\n{answer.content.decode()}"
        answers.append(answer.json())
        if found["name"]:
            variables[found["name"]] = str(answer.json()["id"])
    assert len(answers) == script.count("curl ")
    assert answers[4]["matching"]["count"] == 1
    assert answers[5] == {"can_start": True, "problems": []}
    with account_scope(acme.pk):
        flow = Flow.objects.get()
        assert (flow.status, flow.name) == ("running", "Letter of the month")
        assert Occurrence.objects.filter(flow=flow).count() == 1
