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


class ConversationBot:
    """Answers many people in many channels: what is about the bot, and nothing else."""

    def __init__(self, client, store):
        self.conversations = unichat.Conversations(client, store=store)

    def hear(self, channel, message, person, words):
        talk = self.conversations.get(channel)
        if words == "/reset":
            talk.reset()
            return "We start afresh."
        with talk.stream(words, user=person, event=message) as stream:
            text = unichat.join_text(stream)
        self.conversations.posted(stream.answer, f"answer-to-{message}")
        return text

    def react(self, message, person, reaction):
        return self.conversations.rate(message, reaction, user=person)

    def forget(self, person):
        return self.conversations.erase(user=person)


@pytest.mark.parametrize("backend", ["kapa", "kadal"])
def test_one_bot_without_a_branch_runs_on_each_vendor(box, backend, user, tmp_path):
    config = tmp_path / "unichat.toml"
    config.write_text(box.config_toml(default=backend), encoding="utf-8")
    config.chmod(0o600)
    with unichat.connect(config=config) as client:
        bot = ConversationBot(client, f"sqlite:///{tmp_path / 'bot.db'}")
        channel, other = f"{user}-channel", f"{user}-other"
        assert "attempts" in bot.hear(channel, "m1", "ada", KNOWN)
        assert "vinegar" in bot.hear(channel, "m2", "ben", "And how do I descale the boiler?")
        assert "two years" in bot.hear(other, "m3", "ada", "How long does the warranty last?")
        # Delivered again.
        assert "attempts" in bot.hear(channel, "m1", "ada", KNOWN)
        assert bot.react("answer-to-m1", "cem", "👍🏾").rating is unichat.Rating.UP
        assert bot.react("answer-to-m2", "ada", "-1").rating is unichat.Rating.DOWN
        assert bot.react("answer-to-m2", "ada", "eyes") is None
        assert bot.react("answer-to-m9", "ada", "👍") is None
        assert bot.hear(channel, "m4", "ada", "/reset")
        assert "exponentially" in bot.hear(channel, "m5", "ada", "Does the backoff of retries grow?")
        assert [each.question for each in bot.conversations.get(channel).history()][-1].startswith("Does the backoff")
        assert bot.forget("ada").removed > 0
        bot.conversations.close()


def test_the_same_bot_goes_on_after_its_vendor_was_switched_by_a_line_of_config(box, user, tmp_path):
    path = tmp_path / "unichat.toml"
    vendors = ["kapa", "kadal", "kapa"]
    channel = f"{user}-channel"
    for number, vendor in enumerate(vendors):
        path.write_text(box.config_toml(default=vendor), encoding="utf-8")
        path.chmod(0o600)
        with unichat.connect(config=path) as client:
            bot = ConversationBot(client, f"sqlite:///{tmp_path / 'bot.db'}")
            assert "attempts" in bot.hear(channel, f"m{number}", "ada", KNOWN)
            assert bot.conversations.get(channel).load().backend == vendor
            assert bot.react(f"answer-to-m{number}", "ben", "👍").rating is unichat.Rating.UP
            bot.conversations.close()
