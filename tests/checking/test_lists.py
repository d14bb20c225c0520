"""Reading a question list: JSONL, CSV, and what is pasted from a spreadsheet."""

from __future__ import annotations

import pytest

from server.checking.lists import read_list
from server.errors import Invalid

PAGE = "https://acme.example/returns"


@pytest.mark.parametrize(
    "text",
    [
        '{"question": "A?", "expect": {"url": "%s"}, "answer": "Yes."}\n\n'
        '{"question": "B?", "expect": {"phrase": "30 days"}}\n{"question": "C?", "expect": null}\n',
        "\ufeffQuestion,URL,phrase,refuse\nA?,%s,,\nB?,,30 days,\nC?,,,yes\n",
        "\r\n\r\nquestion;url;phrase;refuse\r\nA?;%s;;\r\nB?;;30 days;\r\nC?;;;x\r\n",
        "\nquestion\turl\tphrase\trefuse\r\nA?\t%s\t\t\r\nB?\t\t30 days\t\r\nC?\t\t\tx\r\n",
    ],
)
def test_every_form_says_the_same(text: str) -> None:
    found = read_list("list", (text % PAGE).encode())
    assert [(c.question, c.expect) for c in found] == [
        ("A?", {"url": PAGE}),
        ("B?", {"phrase": "30 days"}),
        ("C?", None),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no questions"),
        ("question,url\n", "no questions"),
        ('{"question": "A?", "expect": null}\n{"question": "B?"}', "Row 2 of list"),
        ('{"question": "A?", "expect": null}\n{bad', "Row 2 of list is not JSON"),
        ('{"question": 5, "expect": null}', "Row 1"),
        ('{"question": "A?", "expect": {"page": "x"}}', "three"),
        ("question,url,phrase\nA?,,\n", "Row 2 of list: It must have a url"),
        ("question,url,phrase\nA?,x,y\n", "one of them only"),
        ("question,url,refuse\nA?,x,yes\n", "one of them only"),
        ("question\nA?\n", 'no "expect"'),
        ("{" * 100_000, "Row 1"),
        ("question,phrase\nA?," + "x" * 30_000_000, "Line 2 of list is not CSV"),
        ("question,url\nA?,acme.example/returns\n", "Row 2 of list: .* has no scheme"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        read_list("list", text.encode())
    assert caught.value.hint


def test_a_file_that_is_no_text_is_told() -> None:
    with pytest.raises(Invalid, match="not UTF-8"):
        read_list("list.csv", b"\xff\xfe\x00")
