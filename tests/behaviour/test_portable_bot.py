"""A bot of forty lines that runs unchanged on every vendor: which one is a line of its config."""

import pytest

import unichat
from unichat.errors import NotFound, StaleThread, Unsupported

from .conftest import KNOWN


class Bot:
    """Answers people in a chat room. `memory` could be any database: it holds text."""

    def __init__(self, client):
        self.client = client
        self.memory = {}

    def hear(self, person, words):
        command = words.split(maxsplit=1)
        match command[0]:
            case "/up" | "/down":
                return self.rate(person, command)
            case "/history":
                exchanges = self.client.history(user=person, on_unsupported="drop")
                return "\n".join(f"{each.question} -> {each.answer}" for each in exchanges)
            case "/reset":
                return self.reset(person)
        return self.answer(person, words)

    def answer(self, person, words):
        thread = self.memory.get((person, "thread"))
        try:
            stream = self.client.stream(words, thread=thread, user=person)
            with stream:
                text = "".join(event.text for event in stream)
        except (StaleThread, NotFound):
            if thread is None:
                raise
            del self.memory[person, "thread"]
            return self.answer(person, words)
        self.memory[person, "thread"] = str(stream.answer.thread)
        self.memory[person, "answer"] = stream.answer.id
        sources = "".join(f"\n* {source.title}: {source.url}" for source in stream.answer.sources)
        return f"{text}{sources}" + (" (I am not sure.)" if stream.answer.uncertain else "")

    def rate(self, person, command):
        rating, comment = command[0][1:], command[1] if len(command) > 1 else None
        self.client.feedback(self.memory[person, "answer"], rating, user=person, comment=comment, on_unsupported="drop")
        return "Thank you."

    def reset(self, person):
        self.memory.pop((person, "thread"), None)
        try:
            self.client.clear_history(user=person)
        except Unsupported:
            return "We start afresh; what was said before is still kept."
        return "Forgotten."


@pytest.fixture
def config(box, vendor, tmp_path):
    """The bot's config: the vendor is its first line."""
    path = tmp_path / "unichat.toml"
    path.write_text(box.config_toml(default=vendor), encoding="utf-8")
    path.chmod(0o600)
    return path


def test_one_bot_runs_unchanged_on_every_vendor(config, user):
    with unichat.connect(config=config) as client:
        bot, known = Bot(client), client.capabilities
        assert "attempts" in bot.hear(user, KNOWN)
        assert "vinegar" in bot.hear(user, "And how do I descale the boiler?")
        assert bot.hear(user, "/up exactly") == bot.hear(user, "/down wrong") == "Thank you."
        assert bot.hear(user, "/history").count(" -> ") == (2 if known.history else 0)
        clears = known.clear_history and known.history_by_user
        assert bot.hear(user, "/reset") == (
            "Forgotten." if clears else "We start afresh; what was said before is still kept."
        )
        assert "two years" in bot.hear(user, "How long does the warranty last?")
        assert bot.hear(user, "/history").count(" -> ") == (0 if not known.history else 1 if clears else 3)


def test_a_bots_memory_survives_a_restart_and_a_conversation_started_elsewhere(config, user):
    with unichat.connect(config=config) as client:
        first = Bot(client)
        first.hear(user, KNOWN)
        elsewhere = Bot(client)
        elsewhere.hear(user, "What does the warranty cover?")
        assert "exponentially" in first.hear(user, "Does the backoff of retries grow?")
    with unichat.connect(config=config) as client:
        second = Bot(client)
        second.memory = dict(first.memory)
        assert second.hear(user, "/up") == "Thank you."
        # Turns that were kept in memory are gone, and the bot starts afresh.
        assert "vinegar" in second.hear(user, "How do I descale the boiler?")
