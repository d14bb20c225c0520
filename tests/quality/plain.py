"""The rival: LangChain's plain retrieve-and-stuff chain, same model, same content, same embedder.

As its tutorials write it: four chunks by similarity, stuffed into one prompt that asks the model to
say when it does not know. Its chunks are our passages, so that only the chain differs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore

from server.evaluation.judge import Given, Judged, judge
from server.evaluation.questions import Expected
from server.store.knowledge import Passage

_PROMPT = ChatPromptTemplate.from_messages(
    [
        (
            "system",
            "You are an assistant for question-answering tasks. Use the following pieces of "
            "retrieved context to answer the question. If you don't know the answer, just say "
            "that you don't know. Use three sentences maximum and keep the answer concise.\n\n"
            "Context:\n{context}",
        ),
        ("human", "{question}"),
    ]
)
_TOP = 4
_REFUSES = re.compile(
    r"\b(?:I|we) (?:do not|don['’]t|cannot|can['’]t) (?:know|find|answer|provide)"
    r"|(?:context|text|information) (?:does not|doesn['’]t) (?:contain|mention|provide|say)"
    r"|not (?:mentioned|provided|specified|found) in the (?:context|text)",
    re.IGNORECASE,
)


class PlainChain:
    """Answers and judges questions by the plain chain."""

    def __init__(
        self, passages: Sequence[Passage], embedder: Embeddings, model: BaseChatModel
    ) -> None:
        self._store = InMemoryVectorStore(embedder)
        self._store.add_documents(
            [Document(p.text, metadata={"url": _address(p)}, id=p.id) for p in passages]
        )
        self._chain = _PROMPT | model

    def run(self, questions: Sequence[Expected], gold: Sequence[Sequence[str]]) -> Iterator[Judged]:
        for expected, sections in zip(questions, gold, strict=True):
            yield judge(expected, self._ask(expected.question), sections)

    def _ask(self, question: str) -> Given:
        began = time.perf_counter()
        found = self._store.similarity_search_with_score(question, k=2 * _TOP)
        used = [document for document, _ in found[:_TOP]]
        context = "\n\n".join(d.page_content for d in used)
        reply = str(self._chain.invoke({"context": context, "question": question}).text)
        urls = [str(d.metadata["url"]) for d, _ in found]
        return Given(
            reply=reply,
            refused=bool(_REFUSES.search(reply)),
            cited=urls[:_TOP],
            grounds=[d.page_content for d in used],
            ranked=list(dict.fromkeys(u.split("#")[0] for u in urls)),
            label="supported",
            confidence=float(found[0][1]) if found else 0.0,
            seconds=time.perf_counter() - began,
        )


def _address(passage: Passage) -> str:
    return f"{passage.url}#{passage.anchor}" if passage.anchor else passage.url
