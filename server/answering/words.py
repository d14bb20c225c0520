"""The words of a text as the checks see them: content words, numbers, names, addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TOKEN = re.compile(r"[^\W_]+(?:['’.\-][^\W_]+)*", re.UNICODE)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
# What may lead somewhere: any scheme, an address without one, the target of a Markdown link or
# image, a host or a file by its dotted name.
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.\-]{0,20}:[/\\]{1,2}[^\s)>\]]+"
    r"|\b(?:javascript|vbscript|data|blob|mailto|tel|sms):[^\s)>\]]+"
    r"|(?<![\w:/\\])(?:\\\\|//)[\w.-]+[^\s)>\]]*"
    r"|(?<=\]\()\s*<?[^\s)>]+|(?<=\]\[)[^\]\s]+"
    r"|\b[\w.+-]+@[\w-]+\.[\w.]+"
    r"|\b(?:[\w-]+\.)+(?-i:[a-z]{2,})\b(?:/[^\s)>\]]*)?",
    re.IGNORECASE,
)
_SIGNED = re.compile(
    r"(?:(?<![\w)])([-−]|[€$£¥<>±≤≥]\s?)\s?|(?<![\w.,:]))(\d+(?:[.,:]\d+)*)\s?([%€°£$¥]|)"
)
_LOOK = r"(?:see|read|refer to|check out|consult|look at)(?: also| more(?: in)?| the)?"
_TITLE = r"(?:[^.“\"?]|\.(?=\d)){0,60}[“\"][^”\"]{3,300}[”\"]"
_ASKS = r" (?:How|What|Why|Where|When|Which)\b[^.?]{3,200}\?"
_POINTER = re.compile(rf"\b{_LOOK}\b{_TITLE}|\b{_LOOK}{_ASKS}", re.IGNORECASE)
_LEAST_SAID = 2
_POINTS = re.compile(
    rf"\W*(?:{_LOOK}\b|for (?:more|further|additional) (?:information|details?)\b)", re.IGNORECASE
)
NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}
_NEGATIONS = frozenset("no not never none nothing neither nor without cannot".split())
_STOP = frozenset(
    """a about above after again against all also am an and any are aren as at be because been
    before being below between both but by can cannot could d did do does doing don down during each
    few for from further get gets got had has have having he her here hers him his how i if in into
    is isn it its itself just ll let like ll may me might more most must my no nor not now of off on
    once only or other our ours out over own please re s same shall she should so some such t than
    that the their theirs them then there these they this those through to too under until up upon
    us ve very via was we were what when where which while who whom why will with within without
    would yes you your yours""".split()
)


def tokens(text: str) -> list[str]:
    """Words in lower case, in order."""
    return [t.lower().replace("’", "'") for t in _TOKEN.findall(text)]


def content_words(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order."""
    plain = (t.split("'")[0] for t in tokens(text))
    return [stem(t) for t in plain if t not in _STOP and len(t) > 1]


def numbers(text: str) -> set[str]:
    """Numbers, with thousands separators and trailing punctuation removed."""
    return {_plain(n) for n in _NUMBER.findall(text)}


def signed(text: str) -> set[tuple[str, str, str]]:
    """Numbers with the sign or currency before and the unit mark behind, empty where none is."""
    return {
        ((m.group(1) or "").strip().replace("−", "-"), _plain(m.group(2)), m.group(3))
        for m in _SIGNED.finditer(text)
    }


def counted(text: str) -> set[str]:
    """Numbers written as digits or, up to twelve, as words: evidence may use either."""
    return numbers(text) | {NUMBER_WORDS[t] for t in tokens(text) if t in NUMBER_WORDS}


def negates(text: str) -> bool:
    """Whether a text says that something is not so."""
    return any(t in _NEGATIONS or t.endswith("n't") for t in tokens(text))


def verdict(text: str) -> str:
    """The plain yes or no that a text says, if it does: whoever says it has to have grounds."""
    return next((t for t in tokens(text) if t in {"yes", "no"}), "")


def names(text: str) -> set[str]:
    """Stems of capitalised words that do not begin a sentence, and of words with inner capitals."""
    found = set()
    for match in _TOKEN.finditer(text):
        word = match.group()
        before = text[: match.start()].rstrip()
        begins = not before or before[-1] in ".!?:;\"“('*-–—•\n"
        name = (word[0].isupper() and not begins) or any(c.isupper() for c in word[1:])
        if name and word.lower() not in _STOP:
            found.add(stem(word.lower()))
    return found


def addresses(text: str) -> set[str]:
    """URLs, link targets, hosts and e-mail addresses: whatever may lead somewhere."""
    return {a.strip().rstrip(".,;:!?\"'*_`").lower() for a in _ADDRESS.findall(text)}


def without_pointers(text: str) -> str:
    """A text without what it only points at: the title in 'see Section 6.1, “How many …?”' holds
    all words of a question, and nothing of its answer."""
    return _POINTER.sub(" ", text)


def is_pointer(sentence: str) -> bool:
    """Whether a sentence says little but where to look."""
    rest = content_words(without_pointers(sentence))
    return bool(_POINTS.match(sentence)) or len(rest) < _LEAST_SAID < len(content_words(sentence))


def likeness(one: Iterable[str], other: Iterable[str]) -> float:
    """F1 of two texts' words, 0 if they share none."""
    first, second = set(one), set(other)
    both = len(first & second)
    return 2 * both / (len(first) + len(second)) if both else 0.0


def stem(word: str) -> str:
    """A light stem (after Harman's S stemmer, with -ing and -ed): packages -> packag."""
    word = word.removesuffix("'s")
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def _plain(number: str) -> str:
    return number.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+", number) else number
