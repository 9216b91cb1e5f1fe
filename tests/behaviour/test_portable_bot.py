"""A bot of forty lines that runs unchanged on every vendor: which one is a line of its config."""

import json

import pytest

import unichat
from unichat.errors import NotFound, StaleThread, Unsupported
from unichat_kapa.simulator import KapaSimulator

from .conftest import KNOWN, MANUAL


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


ROUTES = """
[profiles.pilot]
split = {kapa = 70, kadal = 30}

[profiles.safe]
fallback = ["kapa", "kadal"]
carry_over = true
"""


class MovingBot:
    """A bot that is never changed while its config is."""

    def __init__(self, config, store):
        self.client = unichat.connect(config=config)
        self.conversations = unichat.Conversations(self.client, store=store, keep_texts=True, carry_over=True)

    def hear(self, channel, person, words):
        answer = self.conversations.get(channel).ask(words, user=person)
        self.conversations.posted(answer, f"{channel}-answer")
        return answer

    def react(self, channel, person, reaction):
        return self.conversations.rate(f"{channel}-answer", reaction, user=person)

    def questions(self, channel):
        return [each.question for each in self.conversations.get(channel).history()]

    def stop(self):
        self.conversations.close()
        self.client.close()


class AsyncMovingBot:
    """The same on asyncio, as the test calls it: each call runs until it is done."""

    def __init__(self, loop, config, store):
        self.loop = loop
        self.client = loop.run(self.start(config, store))

    async def start(self, config, store):
        client = unichat.connect_async(config=config)
        self.conversations = unichat.AsyncConversations(client, store=store, keep_texts=True, carry_over=True)
        return client

    def hear(self, channel, person, words):
        return self.loop.run(self.answer(channel, person, words))

    async def answer(self, channel, person, words):
        answer = await self.conversations.get(channel).ask(words, user=person)
        await self.conversations.posted(answer, f"{channel}-answer")
        return answer

    def react(self, channel, person, reaction):
        return self.loop.run(self.conversations.rate(f"{channel}-answer", reaction, user=person))

    def questions(self, channel):
        return self.loop.run(self.read(channel))

    async def read(self, channel):
        return [each.question async for each in self.conversations.get(channel).history()]

    def stop(self):
        self.loop.run(self.close())

    async def close(self):
        await self.conversations.close()
        await self.client.close()


@pytest.fixture
def kapa_box(tmp_path):
    """Kapa alone, which can be shut down."""
    folder = tmp_path / "manual"
    folder.mkdir()
    (folder / "gizmo.md").write_text(MANUAL, encoding="utf-8")
    with unichat.sandbox.start(docs=folder, simulators=[KapaSimulator]) as box:
        yield box


@pytest.fixture(params=["sync", "asyncio"])
def start_bot(request, loop, box, kapa_box, tmp_path):
    """Start the bot with another default profile: nothing else of its config is edited."""
    path = tmp_path / "unichat.toml"
    kadal = {"backend": "kadal", **box.settings("kadal")}
    kapa = {"backend": "kapa", **kapa_box.settings("kapa"), "attempts": 1}
    bots = []

    def start(default):
        if bots:
            bots.pop().stop()
        profiles = "".join(
            f"[profiles.{name}]\n" + "".join(f"{key} = {to_toml(value)}\n" for key, value in settings.items())
            for name, settings in (("kapa", kapa), ("kadal", kadal))
        )
        path.write_text(f'default = "{default}"\n{profiles}{ROUTES}', encoding="utf-8")
        path.chmod(0o600)
        store = f"sqlite:///{tmp_path / 'bot.db'}"
        bots.append(MovingBot(path, store) if request.param == "sync" else AsyncMovingBot(loop, path, store))
        return bots[-1]

    yield start
    for bot in bots:
        bot.stop()


def to_toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {to_toml(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)


def test_one_unchanged_bot_moves_from_one_vendor_to_the_other_by_edits_of_its_config(start_bot, kapa_box, user):
    room, hall = f"{user}-room", f"{user}-hall"

    bot = start_bot("kapa")
    assert "attempts" in (first := bot.hear(room, "ada", KNOWN)).text
    assert (first.thread.backend, first.began) == ("kapa", "started")

    bot = start_bot("kadal")
    moved = bot.hear(room, "ben", "And how do I descale the boiler?")
    assert (moved.thread.backend, moved.began, moved.carried_over) == ("kadal", "restarted", 1)
    assert bot.react(room, "cem", "👍").rating is unichat.Rating.UP

    bot = start_bot("pilot")
    people = [f"{number}" for number in range(40)]
    expected = {person: bot.client.member_for(user=person) for person in people}
    assert 4 < sum(name == "kadal" for name in expected.values()) < 20
    asked = {person: bot.hear(f"{user}-{person}", person, KNOWN).profile for person in people[:12]}
    assert asked == {person: expected[person] for person in people[:12]}
    # Who was there before stays there.
    stayed = bot.hear(room, "ada", "How long does the warranty last?")
    assert (stayed.profile, stayed.began) == ("kadal", "continued")

    bot = start_bot("safe")
    assert {person: bot.hear(f"{user}-{person}", person, KNOWN).profile for person in people[:12]} == asked
    begun = bot.hear(hall, "ben", KNOWN)
    assert (begun.profile, begun.began) == ("kapa", "started")
    kapa_box.close()
    survived = bot.hear(hall, "ben", "And how do I descale the boiler?")
    assert (survived.profile, survived.carried_over) == ("kadal", 1)
    (sent,) = bot.questions(hall)
    assert sent.startswith("Earlier in this conversation:")
    assert KNOWN in sent
    assert sent.endswith("And how do I descale the boiler?")
    assert bot.react(hall, "cem", "-1").rating is unichat.Rating.DOWN

    bot = start_bot("kadal")
    assert bot.hear(hall, "ben", "How long does the warranty last?").began == "continued"
