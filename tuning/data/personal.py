"""Personal data in a text: what is found, of which kind. Rules only, and only where they are sure.

E-mail addresses, telephone numbers, IBANs (ISO 13616 check digits), payment cards (Luhn), IP
addresses, street addresses, and names where a person states theirs ("my name is ..."). A name that
nobody announces, and an address without a street's word, are not found; tests/tuning holds the
labelled sentences on which precision and recall are measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

EMAIL, PHONE, IBAN, CARD, IP, ADDRESS, NAME = (
    "email", "phone", "iban", "card", "ip", "address", "name",
)  # fmt: skip
_MOST_DIGITS, _LEAST_DIGITS = 15, 7
_CARD_DIGITS = range(13, 20)


@dataclass(frozen=True, slots=True)
class Personal:
    """One find: its kind, its words, and where they stand in the text."""

    kind: str
    text: str
    start: int
    end: int


def find_personal(text: str) -> list[Personal]:
    """What is personal in a text, in its order; finds do not overlap."""
    found: list[Personal] = []
    # The surer kind first: an IBAN holds what looks like a card, a card what looks like a phone.
    for kind, pattern, is_sure in _KINDS:
        for match in pattern.finditer(text):
            start, end = match.span("it")
            apart = all(end <= f.start or start >= f.end for f in found)
            if apart and is_sure(match):
                found.append(Personal(kind, match["it"], start, end))
    return sorted(found, key=lambda f: f.start)


_EMAIL = re.compile(
    r"(?P<it>\b[\w.+%-]{1,64}(?:@|\s?[\[(]\s?at\s?[\])]\s?)[\w-]{1,63}"
    r"(?:(?:\.|\s?[\[(]\s?dot\s?[\])]\s?)[\w-]{2,63}){1,5}\b)",
    re.IGNORECASE,
)
_IBAN = re.compile(r"\b(?P<it>[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?)\b", re.I)
_CARD = re.compile(r"(?<![\w.])(?P<it>[2-6]\d{3}(?:[ -]?\d){9,15})(?![\w]|\.\d)")
_IP = re.compile(
    r"(?<![\w.:])(?P<it>(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4})"
    r"(?![\w:]|\.\d)",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?<![\w.,/:=-])(?P<it>(?:\+|00)[1-9]\d{0,2}(?:[ ./-]?\(?\d{1,5}\)?){2,6}"  # international
    r"|\(?0\d{1,5}\)?[ ./-]{1,3}\d{2,8}(?:[ ./-]\d{2,8}){0,4}|0\d{8,11}"  # with a trunk prefix
    r"|(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4})"  # North America
    r"(?![\w/]|[.,:-]\d)"
)
# Any run of digits, where somebody says that it is a telephone number.
_CALLED = re.compile(
    r"\b(?:(?:tele)?phone|mobile|cell|tel|fax|handy|whats ?app|call me|ring me|text me|reach me"
    r"|telefon(?:nummer)?|ruf(?:en sie)? mich|appelez-moi|teléfono|móvil|telefono)\b\.?"
    r"[^\d\n.!?]{0,30}?(?P<it>\+?\(?\d(?:[ ./()-]{0,2}\d){5,14})(?!\w)",
    re.IGNORECASE,
)
_NO_PHONE = re.compile(
    r"(?:order|customer|account|client|invoice|ticket|case|serial|article|item|part|ref(?:erence)?|tracking|version|isbn"
    r"|bestell\w*|rechnung\w*|kunden\w*|commande|facture|pedido)"
    r"(?:\W{0,3}(?:no|nr|num(?:ber|mer)|id|code|is|was|numéro|número)){0,3}\W{0,3}$",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"(?:\bv(?:ersions?|er\.?)?|\breleases?|\bbuild|[<>=]=?)\s?"
    r"(?:\d[\d.]*,? ?(?:to|or|and|from|-)? ?)?$",
    re.IGNORECASE,
)
_STREET = (
    "Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Square|Sq|Place|Pl"
    "|Terrace|Crescent|Close|Highway|Hwy|Parkway|Way"
)
_UP = "[A-ZÀ-ÖØ-Þ][\\w’'-]*"
_TOWN = "[A-ZÀ-ÖØ-Þ][^\\W\\d_]+(?!\\w)"
_ADDRESS = re.compile(
    rf"(?P<it>\b\d{{1,5}}[A-Za-z]?,? (?:{_UP} ){{1,4}}(?:{_STREET})\b\.?"
    rf"(?:,? (?:Apt|Apartment|Flat|Unit|Suite)\.? ?\w{{1,5}})?"
    rf"(?:,? {_TOWN}(?: {_TOWN})?)?(?:,? [A-Z]{{2}}\b)?(?:,? (?:\d{{5}}(?:-\d{{4}})?"
    rf"|[A-Z]{{1,2}}\d[A-Z\d]? ?\d[A-Z]{{2}}))?"
    rf"|\b(?:{_UP}[ -]){{0,2}}(?:[A-ZÄÖÜ][\wäöüß.-]*)?(?i:stra(?:ß|ss)e|str\.|gasse|platz"
    rf"|allee|damm|ufer|straat|laan|gracht|plein) ?\d{{1,4}} ?[a-z]?\b"
    rf"(?:,? (?:[A-Z]{{1,2}}-)?\d{{4,5}}(?: [A-Z]{{2}})? {_UP})?"
    rf"|\b\d{{1,4}}(?: bis| ter)?,? (?:rue|avenue|boulevard|place|chemin|impasse|quai)"
    rf"(?: (?:de|du|des|la|le|les)| l’| l'| d’| d')*\s?{_UP}(?:[ -]{_UP}){{0,3}}"
    rf"(?:,? \d{{5}} {_UP})?"
    rf"|\b(?:Calle|Avenida|Plaza|Rua|Via|Viale|Piazza|Corso)(?: (?:de|del|la|las|los|da|do|di))*"
    rf"(?: {_UP}){{1,3}},? (?:n[º°] ?)?\d{{1,4}}\b(?:,? \d{{5}} {_UP})?)"
)
_STATES = (
    r"(?:my (?:full |last |first |sur)?name(?:'s|’s| is)|i(?:'m| am|’m) called|call me"
    r"|mein name ist|ich hei(?:ß|ss)e|je m['’]appelle|mon nom est|me llamo|mi nombre es"
    r"|mi chiamo|il mio nome è|(?:o )?meu nome é|chamo-me|me chamo|ik heet|mijn naam is"
    r"|nazywam się|jag heter|mitt namn är)"
)
_PART = r"[A-ZÀ-ÖØ-ÞĀ-Ž][\w’'.-]*[\w]"
_SMALL = r"(?:(?:van|von|de|der|den|da|di|du|la|le|bin|al|zu|el) )"
_NAME = re.compile(
    rf"(?i:\b{_STATES})[ :]{{1,2}}(?P<it>{_PART}(?: {_SMALL}{{0,2}}{_PART}){{0,3}}"
    rf"|[^\W\d_]{{2,20}}(?=\s*(?:[,;!]|$|\.(?:\s|$)|(?:and|und|et|y|e|en) )))"
)
_SPEAKING = re.compile(
    rf"(?i:\bthis is) (?P<it>{_PART}(?: {_PART}){{0,2}}) (?i:speaking|here)\b(?! of\b)"
)
# What follows "my name is" and is no name.
_NO_NAME = frozenset(
    """not wrong misspelled misspelt missing incorrect on in the a an changed shown displayed still
    too spelled spelt different private correct hidden later back tomorrow today soon maybe anytime
    please now nicht falsch pas faux""".split()
)


def _is_iban(match: re.Match[str]) -> bool:
    plain = match["it"].replace(" ", "").upper()
    if not 15 <= len(plain) <= 34:
        return False
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % 97 == 1


def _is_card(match: re.Match[str]) -> bool:
    digits = [int(char) for char in match["it"] if char.isdigit()]
    if len(digits) not in _CARD_DIGITS or len(set(digits)) == 1:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_ip(match: re.Match[str]) -> bool:
    """A loopback address and a netmask say nothing about a person; nor does "version 1.2.3.4"."""
    if _VERSION.search(match.string[: match.start("it")]):
        return False
    try:
        found = ip_address(match["it"])
    except ValueError:
        return False
    return not (found.is_loopback or found.is_unspecified or match["it"].startswith("255."))


def _is_phone(match: re.Match[str]) -> bool:
    digits = sum(char.isdigit() for char in match["it"])
    if not _LEAST_DIGITS <= digits <= _MOST_DIGITS:
        return False
    return not _NO_PHONE.search(match.string[: match.start("it")])


def _is_called(match: re.Match[str]) -> bool:
    return True


def _is_name(match: re.Match[str]) -> bool:
    return match["it"].split()[0].lower() not in _NO_NAME


_Check = Callable[[re.Match[str]], bool]
_KINDS: tuple[tuple[str, re.Pattern[str], _Check], ...] = (
    (EMAIL, _EMAIL, _is_called),
    (IBAN, _IBAN, _is_iban),
    (CARD, _CARD, _is_card),
    (IP, _IP, _is_ip),
    (PHONE, _PHONE, _is_phone),
    (PHONE, _CALLED, _is_called),
    (ADDRESS, _ADDRESS, _is_called),
    (NAME, _NAME, _is_name),
    (NAME, _SPEAKING, _is_name),
)


def spelled_alike(kind: str, text: str) -> str:
    """A find as it compares: "+49 30 1234" and "+49-30-1234" are one number."""
    if kind in (PHONE, CARD, IBAN):
        return "".join(_signs(text)).upper()
    return " ".join(text.lower().split())


def _signs(text: str) -> Iterator[str]:
    return (char for char in text if char.isalnum())
