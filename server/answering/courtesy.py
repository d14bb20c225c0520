"""Greetings, thanks and farewells: recognised alone, and taken off where a question follows."""

from __future__ import annotations

import re

from server.answering.phrases import Phrase

# Language -> greetings, thanks, farewells. Only whole messages count, so "prego" is no risk.
_WORDS = {
    "en": (
        r"hi|hello|hey|hiya|greetings|good (?:morning|afternoon|evening|day)",
        r"(?:many )?thanks|thank you|thx|ty|cheers",
        r"good ?bye|bye(?: bye)?|see you(?: later)?|good night|no,? thank(?:s| you)",
    ),
    "de": (
        r"hallo|guten (?:morgen|tag|abend)|servus|moin|grüß gott",
        r"(?:vielen |besten |herzlichen )?dank|danke(?: schön| sehr)?|dankeschön",
        r"tschüss|tschüß|auf wiedersehen|bis (?:bald|dann)",
    ),
    "fr": (
        r"bonjour|bonsoir|salut",
        r"merci(?: beaucoup| bien)?",
        r"au revoir|à bientôt|bonne journée",
    ),
    "es": (
        r"hola|buenos días|buenas(?: tardes| noches)?",
        r"(?:muchas )?gracias",
        r"adiós|hasta luego|hasta pronto",
    ),
    "pt": (
        r"olá|oi|bom dia|boa (?:tarde|noite)",
        r"(?:muito )?obrigad[oa]",
        r"até logo|até mais|tchau",
    ),
    "it": (
        r"buongiorno|buonasera|salve|ciao",
        r"(?:molte |mille )?grazie(?: mille)?",
        r"arrivederci|a presto",
    ),
    "nl": (
        r"hoi|goede(?:morgen|middag|navond| morgen| middag)|dag",
        r"dank (?:je|u)(?: wel)?|bedankt|dankjewel|dankuwel",
        r"tot ziens|doei",
    ),
    "pl": (r"cześć|dzień dobry|dobry wieczór", r"dziękuję|dzięki", r"do widzenia|pa"),
    "sv": (r"hej|god (?:morgon|dag|kväll)|hejsan", r"tack(?: så mycket)?", r"hej då|adjö"),
    "ja": (
        r"こんにちは|おはよう(?:ございます)?|こんばんは",
        r"ありがとう(?:ございます|ございました)?",
        r"さようなら",
    ),
    "zh": (r"你好|您好|早上好|晚上好", r"谢谢(?:你|您)?|多谢", r"再见"),
    "ar": (r"مرحبا|مرحبًا|السلام عليكم|أهلا", r"شكرا|شكرًا(?: جزيلا)?", r"مع السلامة|إلى اللقاء"),
}
_KINDS = (Phrase.GREETING, Phrase.WELCOME, Phrase.GOODBYE)
_SEEN = re.compile(
    r"(?:ok(?:ay)?|great|perfect|fine|good|nice|cool|super|awesome|excellent|all ?right|sure|"
    r"yes(?: please)?|yep|i see|got it|understood|makes sense|(?:that|this) (?:helps|helped)|"
    r"(?:that|this)(?: is|'s) (?:good|great|fine|perfect|all|clear|helpful))"
)
_AROUND = (
    r"(?: there| all| everyone| a lot| so much| very much| again| for (?:that|this|your help))?"
)
_LEADING = re.compile(
    rf"^\s*(?:(?:{_WORDS['en'][0]}|{_WORDS['en'][1]}|{_SEEN.pattern}){_AROUND}"
    r"(?:\s+[A-Z]\w+(?=[,!]))?(?:\s*[,.!;:–—]+\s*|\s+-\s+|\s+(?=(?:and|but|how|what|when|where|which|who|"
    r"why|is|are|do|does|did|can|could|may|should|would|will|i|please)\b)))+(?=.*\w)",
    re.I,
)
_TRAILING = re.compile(
    # Tried at the first mark of a run only: a thousand of them must not cost a million steps.
    r"(?<![\s,.!?–—-])[\s,.!?–—-]++"
    rf"(?:(?:{_WORDS['en'][1]}){_AROUND}|thanks in advance|please)[\s.!?]*$",
    re.I,
)


def courtesy(text: str) -> tuple[Phrase, str] | None:
    """What a mere courtesy is answered with, and its language; None if something is asked."""
    if re.fullmatch(r"\s*\w+\s*\?+\s*|\s*[A-ZÀ-Þ]{2,}\W*", text):
        return None  # "DAG?" asks for something, though "dag" is a greeting somewhere
    plain = re.sub(r"[^\w\s,']", "", text.replace("’", "'")).strip(" ,").lower()
    for language, patterns in _WORDS.items():
        for phrase, pattern in zip(_KINDS, patterns, strict=True):
            if re.fullmatch(rf"(?:(?:ok(?:ay)?|{_SEEN.pattern}),? )?(?:{pattern}){_AROUND}", plain):
                return phrase, language
    return (
        (Phrase.ASK_ON, "en")
        if re.fullmatch(rf"{_SEEN.pattern}(?:,? {_SEEN.pattern})*", plain)
        else None
    )


def without_courtesy(text: str) -> str:
    """The question in "Hi, how do I …?" and "…, thanks!"; the text as it is if nothing is left."""
    asked = _LEADING.sub("", text)
    asked = _TRAILING.sub(lambda m: "?" if "?" in m.group() else "", asked).strip()
    return asked if re.search(r"\w", asked) else text
