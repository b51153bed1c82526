"""What a record gets to read: merge fields, escaping, links, the way out, and limits that hold."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import Account
from accounts.tenancy import account_scope, every_account
from messaging import merging
from messaging.models import Content
from messaging.rendering import Links, Rendered, RenderingFailed, check, render
from scheduling import clock
from tests.make import make_contact

OUT = "https://flyt.example/u/token"
COUNTED = Links(click=lambda address: f"https://flyt.example/c/{address.encode().hex()}", unsubscribe_url=OUT)
HOSTILE = "<script>alert(\"x\")</script> & 'Co'"

AS_WRITTEN = Links(click=lambda address: address, unsubscribe_url=OUT)


@pytest.fixture(autouse=True)
def _in_acme(acme: Account) -> Iterator[None]:
    with account_scope(acme.pk):
        yield


def rendered(html: str = "", *, links: Links | None = None, properties: Any = None, **fields: str) -> Rendered:
    content = Content(name="Test", html=html, **{"subject": "Hello", **fields})
    return render(content, make_contact(**(properties or {})), links=links or AS_WRITTEN)


def body(html: str, **properties: Any) -> str:
    return rendered(html, properties=properties).html.split("<p style=")[0]


def problem(source: str, field: str = "html") -> str:
    found = check(Content(name="Test", **{field: source}))
    assert [error.field for error in found] == [field]
    return found[0].message


# --- Merge fields ---


@pytest.mark.parametrize(
    "field", ["{{ record.first_name }}", "{{ first_name }}", "{{first_name}}", "{{ contact.first_name }}"]
)
def test_a_property_is_filled_in(field: str) -> None:
    assert body(f"<p>Hi {field}!</p>", first_name="Kari") == "<p>Hi Kari!</p>"


@pytest.mark.parametrize("properties", [{}, {"first_name": ""}])
def test_a_missing_property_gets_its_default_or_nothing(properties: dict[str, Any]) -> None:
    assert body('<p>Hi {{ first_name | default: "there" }}{{ nothing }}!</p>', **properties) == "<p>Hi there!</p>"


def test_values_are_escaped_in_html_and_as_they_are_in_subject_and_text() -> None:
    made = rendered(
        "<p>{{ company }}</p>",
        subject="For {{ company }}",
        text="For {{ company }}",
        properties={"company": HOSTILE},
    )
    assert "<script>" not in made.html
    assert "&lt;script&gt;" in made.html
    assert made.subject == f"For {HOSTILE}"
    assert made.text.startswith(f"For {HOSTILE}\n")


@pytest.mark.parametrize("name", [*merging.FILTERS, "replace", "join", "date"])
def test_no_filter_lets_a_value_become_markup(name: str) -> None:
    arguments = {
        "replace": ': "a", x', "replace_first": ': "a", x', "append": ": x", "prepend": ": x", "default": ": x",
        "split": ': "q" | join: x', "join": ": x", "truncate": ": 60, x", "truncatewords": ": 1, x", "slice": ": 0, 99",
        "remove": ': "a"', "remove_first": ': "a"', "date": ': "%Y"', "at_least": ": 1", "at_most": ": 1",
        "divided_by": ": 1", "minus": ": 1", "modulo": ": 1", "plus": ": 1", "times": ": 1", "round": ": 1",
    }  # fmt: skip
    for start in ("x", '"a<b>a</b>"', "x | split: 'q'"):
        if name in ("sort", "reverse", "first", "last") and "split" not in start:
            continue
        source = f"{{{{ {start} | {name}{arguments.get(name, '')} }}}}"
        values = {"x": HOSTILE, "time_zone": "UTC", "now": None}
        assert "<script" not in merging.merge(source, values, escape=True), source


def test_captured_text_is_not_escaped_twice() -> None:
    source = "{% capture greeting %}Hi {{ company }}{% endcapture %}<p>{{ greeting }}</p>"
    assert body(source, company="A & B") == "<p>Hi A &amp; B</p>"


def test_dates_are_formatted_in_the_accounts_time_zone(acme: Account) -> None:
    with every_account():
        Account.objects.filter(pk=acme.pk).update(time_zone="Europe/Oslo")
    source = '{{ met_at | date: "%d.%m.%Y %H:%M" }} {{ born | date: "%-d %B" }} {{ odd | date: "%d" }}'
    made = body(source + '{{ none | date: "%d" }}', met_at="2027-07-01T22:30:00Z", born="2001-02-03", odd="soon")
    assert made == "02.07.2027 00:30 3 February soon"


def test_now_is_flyts_time_not_the_machines() -> None:
    clock.move_to(datetime(2031, 5, 6, 7, 8, tzinfo=UTC))
    for word in ('"now"', "now", "today", '"today"'):
        assert body(f'{{{{ {word} | date: "%Y-%m-%d" }}}}') == "2031-05-06"


def test_a_property_hides_none_of_the_names_that_flyt_gives() -> None:
    made = rendered(
        '<a href="{{ unsubscribe_url }}">out</a>',
        properties={"unsubscribe_url": "https://evil.example", "account": "x"},
    )
    assert f'href="{OUT}"' in made.html
    assert "evil" not in made.html


# --- What is wrong with a content ---


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("<p>\n{{ first_name | shout }}", "Line 2: There is no filter “shout”."),
        ("{% if x %}{{ y | shout }}{% endif %}", "shout"),
        ("{% sing %}", "sing"),
        ("<p>\n\n{{ first_name", "Line 3"),
        ("{% if first_name %}Hi", "expected tag endif"),
        ("{% include 'x' %}", "include"),
        ("{% render 'x' %}", "render"),
        ("{% for %}", "Line 1"),
        ("x" * 500_001, "500000"),
        ("{{ a }}" * 3_000, "20000"),
    ],
)
def test_a_mistake_is_named_with_its_place_when_saving(source: str, part: str) -> None:
    assert part in problem(source)


def test_every_field_is_checked() -> None:
    bad = "{{ x | shout }}"
    found = check(Content(name="Test", subject=bad, preheader=bad, html=bad, text=bad))
    assert [error.field for error in found] == ["subject", "preheader", "html", "text"]
    assert check(Content(name="Test", subject="{{ x }}", html="<p>{% if x %}y{% else %}z{% endif %}</p>")) == []


def test_a_mistake_that_shows_only_for_a_record_names_the_field() -> None:
    with pytest.raises(RenderingFailed, match=r"Subject: Line 1: .*divide"):
        rendered("<p>x</p>", subject="{{ 1 | divided_by: zero }}", properties={"zero": 0})


def test_an_empty_message_is_refused() -> None:
    with pytest.raises(RenderingFailed, match="empty"):
        rendered(" {{ nothing }} ")


# --- Limits ---

GROWING = "{% assign a = '0123456789' %}" + "{% assign a = a | append: a %}" * 40 + "{{ a }}"


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in (1..1000000000) %}x{% endfor %}",
        "{% for a in (1..1000000000) reversed %}x{% endfor %}",
        "{% for a in (1..100000000000000000000000) %}x{% endfor %}",
        "{% for a in (1..1000) %}{% for b in (1..1000) %}{% endfor %}{% endfor %}",
        "{% for a in (1..900) %}{% endfor %}" * 300,
        "{% for a in (1..999) %}" + "{% assign b = 'x' | upcase %}" * 600 + "{% endfor %}",
        "{{ (1..1000000000) | reverse | size }}",
        "{{ (1..1000000000) | join }}",
        "{{ 'aaaaaaaaaa' " + "| replace: 'a', 'aaaaaaaaaa' " * 12 + "}}",
        "{{ 'aaaaaaaaaaaaaaaaaaaa' | split: '' " + "| join: 'aaaaaaaaaaaaaaaaaa' | split: '' " * 12 + "}}",
        GROWING,
        "{% assign n = 9999999 %}" + "{% assign n = n | times: n %}" * 40 + "{{ n }}",
        "{% for a in (1..999) %}{% assign s = s | append: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxx' %}{{ s }}{% endfor %}",
        "{{ 'now' | date: '%999999999d' }}",
        "{% for a in (1..1000) %}" + "x" * 10_240 + "{% endfor %}",
        "{% if x %}" * 200,
        "{{ x" + "[x" * 5_000 + "]" * 5_000 + "}}",
        "{{ '1e308' | times: 10 | ceil }}",
        "{{ '1e308' | times: 1 | ceil }}",
    ],
    ids=lambda source: source[:40],
)
def test_no_template_runs_away(source: str) -> None:
    began = time.monotonic()
    with pytest.raises(RenderingFailed) as failure:
        rendered(source)
    assert str(failure.value).startswith("HTML: ")
    assert len(str(failure.value)) < 500
    assert time.monotonic() - began < 6


def test_an_ordinary_loop_is_fine() -> None:
    assert body("{% for a in (1..3) %}{{ a }}{% unless forloop.last %}, {% endunless %}{% endfor %}") == "1, 2, 3"


# --- HTML ---

DOCUMENT = """<!DOCTYPE html>
<html lang="en"><head><title>News</title><style>a { color: red }</style><script>steal()</script></head>
<body style="margin:0" onload="steal()"><!--[if mso]><p>Outlook</p><![endif]-->
<table width="600" cellpadding="0" bgcolor="#ffffff"><tr><td align="center" onclick='steal()' style="color:red">
<a href="https://acme.example/?a=1&amp;b=2" target="_blank">Read <b>more</b></a>
<a href="javascript:steal()">no</a> <a href="data:text/html,x">no</a> <a href="mailto:x@acme.example">write</a>
<img src="https://acme.example/logo.png" alt="Acme" onerror="steal()">
</td></tr></table><script>steal()</script></body></html>
"""


def test_a_document_keeps_its_shape_and_loses_its_scripts() -> None:
    made = rendered(DOCUMENT).html
    assert made.startswith('<!DOCTYPE html>\n<html lang="en"><head><title>News</title><style>a { color: red }</style>')
    assert '<body style="margin:0">' in made
    assert "<!--[if mso]><p>Outlook</p><![endif]-->" in made
    assert 'bgcolor="#ffffff"' in made
    assert 'style="color:red"' in made
    assert made.endswith("</body></html>")
    for harm in ("steal", "javascript:", "data:text", "<script"):
        assert harm not in made


def test_web_links_are_counted_and_others_left() -> None:
    made = rendered(DOCUMENT, links=COUNTED)
    counted = COUNTED.click("https://acme.example/?a=1&b=2")
    assert f'href="{counted}"' in made.html
    assert 'href="mailto:x@acme.example"' in made.html
    assert 'src="https://acme.example/logo.png"' in made.html
    assert f"Read more ({counted})" in made.text


def test_a_link_made_of_a_value_cannot_carry_a_script() -> None:
    made = rendered('<a href="{{ site }}">x</a>', properties={"site": 'javascript:alert(1)" onclick="alert(2)'})
    assert "javascript" not in made.html
    assert "onclick" not in made.html


def test_links_in_written_text_are_counted_without_their_full_stop() -> None:
    made = rendered("<p>x</p>", text="See https://acme.example/a. Or (http://acme.example/b)!", links=COUNTED)
    a, b = COUNTED.click("https://acme.example/a"), COUNTED.click("http://acme.example/b")
    assert made.text.startswith(f"See {a}. Or ({b})!")


def test_a_way_to_unsubscribe_is_added_in_the_accounts_language(acme: Account) -> None:
    made = rendered("<html><body><p>Hi</p></body></html>", text="Hi", links=COUNTED)
    assert f'<a href="{OUT}" style="color:#6b7280">Unsubscribe</a></p></body></html>' in made.html
    assert made.text == f"Hi\n\nUnsubscribe: {OUT}"


def test_a_way_to_unsubscribe_that_is_there_is_not_added_again_nor_counted() -> None:
    html, text = '<p><a href="{{ unsubscribe_url }}">No more</a></p>', "No more: {{ unsubscribe_url }}"
    made = rendered(html, text=text, links=COUNTED)
    assert made.html == f'<p><a href="{OUT}">No more</a></p>'
    assert made.text == f"No more: {OUT}"


def test_the_preheader_is_hidden_in_front_and_escaped() -> None:
    made = rendered(
        "<html><body><p>Hi</p></body></html>", preheader="News for {{ company }}", properties={"company": "<b>"}
    )
    before, after = made.html.split("<p>Hi</p>")
    assert '<body><div style="display:none;' in before
    assert "News for &lt;b&gt;" in before
    assert "News for" not in made.text
    assert "News" not in after


def test_text_is_made_of_the_html() -> None:
    html = """
    <style>p { color: red }</style><h1>Spring&nbsp;sale</h1><p>Dear   {{ first_name }},<br>welcome&hellip;</p>
    <ul><li>One</li><li>Two <a href="https://acme.example/two">here</a></li></ul>
    <table><tr><td>A</td><td>B</td></tr><tr><td>C</td></tr></table><p>https://acme.example <img alt="Logo"></p>
    <p><a href="https://acme.example/x"></a><a href="https://acme.example/y">https://acme.example/y</a></p>
    """
    made = rendered(html, properties={"first_name": "Åse"})
    assert made.text.split(f"\n\nAcme · Unsubscribe ({OUT})")[0] == (
        "Spring sale\n\nDear Åse,\nwelcome…\n\n- One\n\n- Two here (https://acme.example/two)\n\n"
        "A B\n\nC\n\nhttps://acme.example Logo\n\nhttps://acme.example/xhttps://acme.example/y"
    )


def test_a_message_of_text_alone_has_no_html() -> None:
    made = rendered("", text="Hi {{ first_name }}", properties={"first_name": "Åse"})
    assert (made.html, made.text) == ("", f"Hi Åse\n\nUnsubscribe: {OUT}")


def test_a_subject_is_one_line_whatever_is_merged_in() -> None:
    made = rendered(
        "<p>x</p>", subject=" Hi {{ first_name }} \n", properties={"first_name": "A\r\nBcc: x@y.z\x1f\u2028B"}
    )
    assert made.subject == "Hi A Bcc: x@y.z B"


def test_a_hundred_kilobytes_render_in_no_time() -> None:
    row = "<tr><td style='color:red'><a href='https://acme.example/a-page-somewhere'>Hi {{ a }}</a></td></tr>"
    html = "<table>" + row * 1_000 + "</table>"
    rendered(html, links=COUNTED)
    began = time.monotonic()
    rendered(html, links=COUNTED)
    assert time.monotonic() - began < 1
