"""Which language a visitor writes: by script, else by the small words. Unsure means None.

A light rule without a model: it has to tell apart twelve languages and Russian, not all there are,
and a wrong guess costs more than none (the visitor would be refused in a foreign language).
"""

from __future__ import annotations

import re

from server.answering.words import tokens

# Small words that are frequent in one language and rare or unknown in the other eight.
_SMALL_WORDS = {
    "en": """the is are was were what how do does did where when why who which can could should
    would will my your you and of to for with from it this that there have has not i we they if on
    in please""",
    "de": """der die das und ist sind wie was wo wann warum wer welche welcher welches kann können
    könnte ich wir ihr sie mein meine meinen nicht ein eine einen für mit auf von zu zum zur im den
    dem gibt es auch oder wenn kostet bitte man habe haben ihre werden wird muss soll""",
    "fr": """le la les des du et est sont comment pourquoi quand où qui quel quelle quels quelles
    puis peut je nous vous mon ma mes votre ne pas un une pour avec sur dans au aux ce cette il elle
    que quoi combien est-ce qu'est-ce c'est l'on j'ai avez faire y a-t-il sans""",
    "es": """el la los las del y es son cómo como qué cuándo dónde por quién cuál cuáles puedo puede
    yo mi mis su un una para con en al este esta no se hay cuánto cuesta tengo tiene hacer sin
    está están quiero desde""",
    "pt": """o os as do da dos das e é são como que quando onde por quem qual quais posso pode eu
    meu minha meus seu sua um uma para com em no na ao não se há quanto custa tenho tem fazer sem
    está estão você vocês isso isto""",
    "it": """il lo gli della del dei delle e è sono come che cosa quando dove perché chi quale quali
    posso può io mio mia il suo un una per con in nel nella al non si c'è quanto costa ho ha fare
    senza questo questa vorrei devo di""",
    "nl": """de het een en is zijn hoe wat waar wanneer waarom wie welke kan kunnen ik wij jullie u
    mijn uw niet voor met op van naar te er ook of als kost dit deze heb heeft worden wordt moet
    zonder bij""",
    "pl": """i jest są jak co gdzie kiedy dlaczego kto który która które czy mogę można ja my mój
    moja moje nie dla z na w do od się to ten ta ile kosztuje mam ma zrobić bez przez oraz""",
    "sv": """och är hur vad var när varför vem vilken vilket vilka kan jag vi ni min mitt mina din
    inte en ett för med på av till det den som finns om kostar har att utan eller får ska måste""",
}
# Letters that one of them alone writes.
_LETTERS = {
    "de": "ß",
    "es": "ñ¿¡",
    "pt": "ãõ",
    "pl": "łśźżćńę",
    "fr": "œêîû",
}
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
)
_LEAST = 1.5
_MARGIN = 0.75
_OWN_LETTER = 1.0
_PROFILES = {code: frozenset(words.split()) for code, words in _SMALL_WORDS.items()}
_SHARED = {
    word: sum(word in profile for profile in _PROFILES.values())
    for profile in _PROFILES.values()
    for word in profile
}


def language_of(text: str) -> str | None:
    """The code of a text's language (ISO 639-1), None where that is not clear."""
    letters = [c for c in text if c.isalpha()]
    for code, script in _SCRIPTS:
        # A Japanese sentence is half Han, and a name in another script makes no language.
        if len(script.findall(text)) > 0.3 * len(letters):
            return code
    return _by_small_words(text)


def _by_small_words(text: str) -> str | None:
    words = tokens(text)
    scores = {
        code: sum(1 / _SHARED[w] for w in words if w in profile) + _own_letters(code, text)
        for code, profile in _PROFILES.items()
    }
    first, second = sorted(scores, key=lambda code: -scores[code])[:2]
    sure = scores[first] >= _LEAST and scores[first] - scores[second] >= _MARGIN
    return first if sure else None


def _own_letters(code: str, text: str) -> float:
    return _OWN_LETTER * any(c in _LETTERS.get(code, "") for c in text.lower())
