"""Dify's shapes, as far as they are read."""

from unichat.adapter import Fields, as_epoch_seconds
from unichat.models import Answer, Exchange, Feedback, Rating, Source, ThreadRef

RATINGS = {"like": Rating.UP, "dislike": Rating.DOWN}


def read_sources(fields: Fields) -> tuple[Source, ...]:
    """Return the documents that an answer was made of, from its metadata or itself; Dify has no addresses for them."""

    def read(row: Fields) -> Source:
        return Source(url=None, title=row.text("document_name"), raw=row.raw)

    return fields.objects("/metadata/retriever_resources", read) or fields.objects("retriever_resources", read)


def read_answer(fields: Fields, user: str) -> Answer:
    """Return a blocking answer."""
    thread = ThreadRef("dify", fields.require_id("conversation_id"), user=user)
    text, id = fields.require_text("answer"), fields.id("message_id")
    return Answer(text=text, id=id, thread=thread, sources=read_sources(fields), raw=fields.raw)


def read_exchange(fields: Fields, user: str) -> Exchange:
    """Return a row of a conversation's messages: a question with its answer."""
    rating = RATINGS.get(fields.text("/feedback/rating") or "")
    return Exchange(
        question=fields.require_text("query"),
        answer=fields.require_text("answer"),
        id=fields.id("id"),
        thread=ThreadRef("dify", fields.require_id("conversation_id"), user=user),
        created_at=as_epoch_seconds.read(fields.raw.get("created_at"), None),
        sources=read_sources(fields),
        feedback=() if rating is None else (Feedback(rating=rating, raw=fields.raw["feedback"]),),
        raw=fields.raw,
    )
