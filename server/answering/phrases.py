"""The fixed sentences of the system, in the visitor's language. What an owner wrote stands.

Only these sentences are translated: answers quote the content in the language it is written in.
"""

from __future__ import annotations

from enum import Enum

ENGLISH = "en"


class Phrase(Enum):
    """A fixed sentence; `{...}` are filled in by `say`."""

    GREETING = "greeting"
    WELCOME = "welcome"
    GOODBYE = "goodbye"
    ASK_ON = "ask_on"
    REFUSAL = "refusal"
    OTHER_LANGUAGE = "other_language"
    NOTHING_YET = "nothing_yet"
    NOTHING_MORE = "nothing_more"
    SIMPLER = "simpler"
    WHO = "who"
    CAN_DO = "can_do"
    NO_PERSON = "no_person"
    LOOK_FOR_CONTACT = "look_for_contact"


def say(phrase: Phrase, language: str | None, **values: str) -> str:
    """A sentence in a language; in English where there is none in that language."""
    table = _SENTENCES.get(base(language), _SENTENCES[ENGLISH])
    return table[phrase].format(**values) if values else table[phrase]


def base(tag: str | None) -> str:
    """The language of a tag: "en-GB" is "en". None is English."""
    return (tag or ENGLISH).lower().split("-")[0]


def own_name(tag: str | None) -> str:
    """A language in its own words, as speakers of it look for it."""
    return _NAMES.get(base(tag), base(tag))


_NAMES = {
    "en": "English", "de": "Deutsch", "fr": "français", "es": "español", "pt": "português",
    "it": "italiano", "nl": "Nederlands", "pl": "polski", "sv": "svenska", "ja": "日本語",
    "zh": "中文", "ar": "العربية", "ru": "русский",
}  # fmt: skip

P = Phrase
_SENTENCES: dict[str, dict[Phrase, str]] = {
    "en": {
        P.GREETING: "Hello! What would you like to know?",
        P.WELCOME: "You are welcome. Is there anything else you would like to know?",
        P.GOODBYE: "Goodbye, and come back any time.",
        P.ASK_ON: "What else would you like to know?",
        P.REFUSAL: "I could not find that in our pages. Could you put it in other words?",
        P.OTHER_LANGUAGE: "Our pages are in another language ({name}); a question in it may help.",
        P.NOTHING_YET: "There is no answer yet that I could go back to. Ask me something about"
        " this site first.",
        P.NOTHING_MORE: "The pages say no more about it than you have seen.",
        P.SIMPLER: "I can shorten what the pages say, but not put it in simpler words. In short:",
        P.WHO: "I am {name}, an automated assistant, not a person. I answer from the pages of this"
        " site and show where each answer comes from.",
        P.CAN_DO: "I answer questions from the pages of this site and show where each answer comes"
        " from. I cannot do anything beyond that.",
        P.NO_PERSON: "I am an automated assistant and cannot pass you on to a person.",
        P.LOOK_FOR_CONTACT: "Please look for contact details on this site.",
    },
    "de": {
        P.GREETING: "Hallo! Was möchten Sie wissen?",
        P.WELCOME: "Gern geschehen. Möchten Sie noch etwas wissen?",
        P.GOODBYE: "Auf Wiedersehen, bis zum nächsten Mal.",
        P.ASK_ON: "Was möchten Sie noch wissen?",
        P.REFUSAL: "Das habe ich auf unseren Seiten nicht gefunden. Können Sie es anders"
        " ausdrücken?",
        P.OTHER_LANGUAGE: "Unsere Seiten sind in einer anderen Sprache geschrieben ({name}); eine"
        " Frage in dieser Sprache hilft vielleicht.",
        P.NOTHING_YET: "Es gibt noch keine Antwort, auf die ich zurückkommen könnte. Fragen Sie"
        " mich zuerst etwas zu dieser Website.",
        P.NOTHING_MORE: "Die Seiten sagen dazu nicht mehr, als Sie schon gesehen haben.",
        P.SIMPLER: "Ich kann kürzen, was auf den Seiten steht, aber nicht einfacher sagen. Kurz:",
        P.WHO: "Ich bin {name}, ein automatischer Assistent, kein Mensch. Ich antworte aus den"
        " Seiten dieser Website und zeige, woher jede Antwort kommt.",
        P.CAN_DO: "Ich beantworte Fragen aus den Seiten dieser Website und zeige, woher jede"
        " Antwort kommt. Mehr kann ich nicht.",
        P.NO_PERSON: "Ich bin ein automatischer Assistent und kann Sie nicht an einen Menschen"
        " weiterleiten.",
        P.LOOK_FOR_CONTACT: "Bitte suchen Sie auf dieser Website nach Kontaktangaben.",
    },
    "fr": {
        P.GREETING: "Bonjour ! Que souhaitez-vous savoir ?",
        P.WELCOME: "Je vous en prie. Souhaitez-vous savoir autre chose ?",
        P.GOODBYE: "Au revoir, et à bientôt.",
        P.ASK_ON: "Que souhaitez-vous encore savoir ?",
        P.REFUSAL: "Je n’ai pas trouvé cela dans nos pages. Pourriez-vous le dire autrement ?",
        P.OTHER_LANGUAGE: "Nos pages sont dans une autre langue ({name}) ; une question dans cette"
        " langue peut aider.",
        P.NOTHING_YET: "Il n’y a pas encore de réponse sur laquelle revenir. Posez-moi d’abord une"
        " question sur ce site.",
        P.NOTHING_MORE: "Les pages n’en disent pas plus que ce que vous avez vu.",
        P.SIMPLER: "Je peux raccourcir ce que disent les pages, mais pas le dire plus simplement."
        " En bref :",
        P.WHO: "Je suis {name}, un assistant automatique, pas une personne. Je réponds à partir des"
        " pages de ce site et j’indique d’où vient chaque réponse.",
        P.CAN_DO: "Je réponds aux questions à partir des pages de ce site et j’indique d’où vient"
        " chaque réponse. Je ne peux rien faire de plus.",
        P.NO_PERSON: "Je suis un assistant automatique et je ne peux pas vous mettre en relation"
        " avec une personne.",
        P.LOOK_FOR_CONTACT: "Veuillez chercher des coordonnées sur ce site.",
    },
    "es": {
        P.GREETING: "¡Hola! ¿Qué le gustaría saber?",
        P.WELCOME: "De nada. ¿Quiere saber algo más?",
        P.GOODBYE: "Adiós, vuelva cuando quiera.",
        P.ASK_ON: "¿Qué más le gustaría saber?",
        P.REFUSAL: "No he encontrado eso en nuestras páginas. ¿Podría decirlo de otra manera?",
        P.OTHER_LANGUAGE: "Nuestras páginas están en otro idioma ({name}); una pregunta en ese"
        " idioma puede ayudar.",
        P.NOTHING_YET: "Todavía no hay ninguna respuesta a la que volver. Pregúnteme primero algo"
        " sobre este sitio.",
        P.NOTHING_MORE: "Las páginas no dicen más de lo que ya ha visto.",
        P.SIMPLER: "Puedo acortar lo que dicen las páginas, pero no decirlo con palabras más"
        " sencillas. En resumen:",
        P.WHO: "Soy {name}, un asistente automático, no una persona. Respondo a partir de las"
        " páginas de este sitio e indico de dónde viene cada respuesta.",
        P.CAN_DO: "Respondo preguntas a partir de las páginas de este sitio e indico de dónde viene"
        " cada respuesta. No puedo hacer nada más.",
        P.NO_PERSON: "Soy un asistente automático y no puedo ponerle en contacto con una persona.",
        P.LOOK_FOR_CONTACT: "Busque los datos de contacto en este sitio.",
    },
    "pt": {
        P.GREETING: "Olá! O que gostaria de saber?",
        P.WELCOME: "De nada. Gostaria de saber mais alguma coisa?",
        P.GOODBYE: "Até logo, volte sempre.",
        P.ASK_ON: "O que mais gostaria de saber?",
        P.REFUSAL: "Não encontrei isso nas nossas páginas. Poderia dizer de outra forma?",
        P.OTHER_LANGUAGE: "As nossas páginas estão em outro idioma ({name}); uma pergunta nesse"
        " idioma pode ajudar.",
        P.NOTHING_YET: "Ainda não há nenhuma resposta à qual eu possa voltar. Pergunte-me primeiro"
        " algo sobre este site.",
        P.NOTHING_MORE: "As páginas não dizem mais do que já viu.",
        P.SIMPLER: "Posso encurtar o que as páginas dizem, mas não dizê-lo com palavras mais"
        " simples. Em resumo:",
        P.WHO: "Sou {name}, um assistente automático, não uma pessoa. Respondo a partir das páginas"
        " deste site e mostro de onde vem cada resposta.",
        P.CAN_DO: "Respondo a perguntas a partir das páginas deste site e mostro de onde vem cada"
        " resposta. Não posso fazer mais do que isso.",
        P.NO_PERSON: "Sou um assistente automático e não posso encaminhar a conversa a uma pessoa.",
        P.LOOK_FOR_CONTACT: "Procure os dados de contacto neste site.",
    },
    "it": {
        P.GREETING: "Salve! Che cosa desidera sapere?",
        P.WELCOME: "Prego. Desidera sapere altro?",
        P.GOODBYE: "Arrivederci, torni quando vuole.",
        P.ASK_ON: "Che cos’altro desidera sapere?",
        P.REFUSAL: "Non l’ho trovato nelle nostre pagine. Potrebbe dirlo con altre parole?",
        P.OTHER_LANGUAGE: "Le nostre pagine sono in un’altra lingua ({name}); una domanda in quella"
        " lingua può aiutare.",
        P.NOTHING_YET: "Non c’è ancora una risposta a cui tornare. Mi chieda prima qualcosa su"
        " questo sito.",
        P.NOTHING_MORE: "Le pagine non dicono più di quanto ha visto.",
        P.SIMPLER: "Posso accorciare ciò che dicono le pagine, ma non dirlo con parole più"
        " semplici. In breve:",
        P.WHO: "Sono {name}, un assistente automatico, non una persona. Rispondo in base alle"
        " pagine di questo sito e mostro da dove viene ogni risposta.",
        P.CAN_DO: "Rispondo alle domande in base alle pagine di questo sito e mostro da dove viene"
        " ogni risposta. Non posso fare altro.",
        P.NO_PERSON: "Sono un assistente automatico e non posso passarle una persona.",
        P.LOOK_FOR_CONTACT: "Cerchi i recapiti su questo sito.",
    },
    "nl": {
        P.GREETING: "Hallo! Wat wilt u weten?",
        P.WELCOME: "Graag gedaan. Wilt u nog iets anders weten?",
        P.GOODBYE: "Tot ziens, kom gerust terug.",
        P.ASK_ON: "Wat wilt u nog meer weten?",
        P.REFUSAL: "Ik kon dat niet vinden op onze pagina’s. Kunt u het anders zeggen?",
        P.OTHER_LANGUAGE: "Onze pagina’s zijn in een andere taal ({name}); een vraag in die taal"
        " kan helpen.",
        P.NOTHING_YET: "Er is nog geen antwoord waarop ik kan terugkomen. Vraag mij eerst iets over"
        " deze site.",
        P.NOTHING_MORE: "De pagina’s zeggen er niet meer over dan u hebt gezien.",
        P.SIMPLER: "Ik kan inkorten wat de pagina’s zeggen, maar het niet eenvoudiger zeggen."
        " Kort gezegd:",
        P.WHO: "Ik ben {name}, een automatische assistent, geen mens. Ik antwoord op basis van de"
        " pagina’s van deze site en laat zien waar elk antwoord vandaan komt.",
        P.CAN_DO: "Ik beantwoord vragen op basis van de pagina’s van deze site en laat zien waar"
        " elk antwoord vandaan komt. Meer kan ik niet.",
        P.NO_PERSON: "Ik ben een automatische assistent en kan u niet doorverbinden met een mens.",
        P.LOOK_FOR_CONTACT: "Zoek op deze site naar contactgegevens.",
    },
    "pl": {
        P.GREETING: "Dzień dobry! O co chcesz zapytać?",
        P.WELCOME: "Nie ma za co. Czy chcesz wiedzieć coś jeszcze?",
        P.GOODBYE: "Do widzenia, zapraszam ponownie.",
        P.ASK_ON: "Co jeszcze chcesz wiedzieć?",
        P.REFUSAL: "Tego nie ma na naszych stronach. Czy możesz zapytać innymi słowami?",
        P.OTHER_LANGUAGE: "Nasze strony są w innym języku ({name}); pytanie w tym języku może"
        " pomóc.",
        P.NOTHING_YET: "Nie ma jeszcze odpowiedzi, do której można wrócić. Najpierw zapytaj o coś"
        " na temat tej strony.",
        P.NOTHING_MORE: "Strony nie mówią o tym nic więcej.",
        P.SIMPLER: "Mogę skrócić to, co jest na stronach, ale nie powiem tego prościej. Krótko:",
        P.WHO: "Jestem {name}, automatyczny asystent, nie człowiek. Odpowiadam na podstawie stron"
        " tej witryny i pokazuję, skąd pochodzi każda odpowiedź.",
        P.CAN_DO: "Odpowiadam na pytania na podstawie stron tej witryny i pokazuję, skąd pochodzi"
        " każda odpowiedź. Nic więcej nie potrafię.",
        P.NO_PERSON: "Jestem automatycznym asystentem i nie mogę połączyć z człowiekiem.",
        P.LOOK_FOR_CONTACT: "Poszukaj danych kontaktowych na tej stronie.",
    },
    "sv": {
        P.GREETING: "Hej! Vad vill du veta?",
        P.WELCOME: "Varsågod. Vill du veta något mer?",
        P.GOODBYE: "Hej då, välkommen tillbaka.",
        P.ASK_ON: "Vad mer vill du veta?",
        P.REFUSAL: "Jag hittade inte det på våra sidor. Kan du säga det med andra ord?",
        P.OTHER_LANGUAGE: "Våra sidor är på ett annat språk ({name}); en fråga på det språket kan"
        " hjälpa.",
        P.NOTHING_YET: "Det finns inget svar att gå tillbaka till än. Fråga mig först något om den"
        " här webbplatsen.",
        P.NOTHING_MORE: "Sidorna säger inte mer om det än du har sett.",
        P.SIMPLER: "Jag kan korta det som står på sidorna, men inte säga det enklare. Kort sagt:",
        P.WHO: "Jag är {name}, en automatisk assistent, ingen människa. Jag svarar utifrån den här"
        " webbplatsens sidor och visar varifrån varje svar kommer.",
        P.CAN_DO: "Jag svarar på frågor utifrån den här webbplatsens sidor och visar varifrån varje"
        " svar kommer. Mer än så kan jag inte göra.",
        P.NO_PERSON: "Jag är en automatisk assistent och kan inte koppla dig till en människa.",
        P.LOOK_FOR_CONTACT: "Leta efter kontaktuppgifter på den här webbplatsen.",
    },
    "ja": {
        P.GREETING: "こんにちは。何をお知りになりたいですか？",
        P.WELCOME: "どういたしまして。ほかに知りたいことはありますか？",
        P.GOODBYE: "さようなら。またいつでもどうぞ。",
        P.ASK_ON: "ほかに何をお知りになりたいですか？",
        P.REFUSAL: "当サイトのページには見つかりませんでした。別の言い方でお尋ねいただけますか？",
        P.OTHER_LANGUAGE: "当サイトのページは別の言語（{name}）で書かれています。その言語で質問すると見つかるかもしれません。",
        P.NOTHING_YET: "まだ振り返る回答がありません。まずこのサイトについて質問してください。",
        P.NOTHING_MORE: "ページには、すでにお見せしたこと以上の記載はありません。",
        P.SIMPLER: "ページの内容を短くすることはできますが、やさしい言葉に言い換えることはできません。要点：",
        P.WHO: "私は{name}です。人ではなく自動アシスタントです。このサイトのページをもとに答え、出典を示します。",
        P.CAN_DO: "このサイトのページをもとに質問に答え、出典を示します。それ以外のことはできません。",
        P.NO_PERSON: "私は自動アシスタントで、担当者におつなぎすることはできません。",
        P.LOOK_FOR_CONTACT: "連絡先はこのサイトでお探しください。",
    },
    "zh": {
        P.GREETING: "您好！您想了解什么？",
        P.WELCOME: "不客气。您还想了解别的吗？",
        P.GOODBYE: "再见，欢迎随时再来。",
        P.ASK_ON: "您还想了解什么？",
        P.REFUSAL: "我在我们的页面中没有找到相关内容。您能换一种说法吗？",
        P.OTHER_LANGUAGE: "我们的页面使用另一种语言（{name}），用该语言提问可能会有帮助。",
        P.NOTHING_YET: "目前还没有可以回顾的回答。请先问一个关于本网站的问题。",
        P.NOTHING_MORE: "页面上没有比您已看到的更多的内容。",
        P.SIMPLER: "我可以缩短页面上的内容，但不能用更简单的话来说。简而言之：",
        P.WHO: "我是{name}，一个自动助手，不是真人。我根据本网站的页面回答，并注明每个回答的出处。",
        P.CAN_DO: "我根据本网站的页面回答问题，并注明每个回答的出处。除此之外我做不了别的。",
        P.NO_PERSON: "我是自动助手，无法为您转接人工。",
        P.LOOK_FOR_CONTACT: "请在本网站上查找联系方式。",
    },
    "ar": {
        P.GREETING: "مرحبًا! ماذا تود أن تعرف؟",
        P.WELCOME: "على الرحب والسعة. هل تود معرفة شيء آخر؟",
        P.GOODBYE: "مع السلامة، ونرحب بعودتك في أي وقت.",
        P.ASK_ON: "ماذا تود أن تعرف أيضًا؟",
        P.REFUSAL: "لم أجد ذلك في صفحاتنا. هل يمكنك صياغته بكلمات أخرى؟",
        P.OTHER_LANGUAGE: "صفحاتنا مكتوبة بلغة أخرى ({name})؛ قد يفيد طرح السؤال بتلك اللغة.",
        P.NOTHING_YET: "لا توجد إجابة بعد يمكنني الرجوع إليها. اسألني أولًا شيئًا عن هذا الموقع.",
        P.NOTHING_MORE: "لا تذكر الصفحات عن ذلك أكثر مما رأيت.",
        P.SIMPLER: "يمكنني اختصار ما تقوله الصفحات، لكن لا يمكنني قوله بكلمات أبسط. باختصار:",
        P.WHO: "أنا {name}، مساعد آلي ولست إنسانًا. أجيب من صفحات هذا الموقع وأبيّن مصدر كل إجابة.",
        P.CAN_DO: "أجيب عن الأسئلة من صفحات هذا الموقع وأبيّن مصدر كل إجابة. لا أستطيع فعل أكثر من ذلك.",
        P.NO_PERSON: "أنا مساعد آلي ولا أستطيع تحويلك إلى شخص.",
        P.LOOK_FOR_CONTACT: "يرجى البحث عن بيانات الاتصال في هذا الموقع.",
    },
}  # fmt: skip
