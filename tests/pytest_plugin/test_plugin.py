"""The pytest plugin, as it runs in the project of somebody who tests a bot."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from unichat.config.plugins import SIMULATORS, list_plugins

pytest_plugins = ["pytester"]

LOOPS = """
    import asyncio

    def test_in_a_plain_test(unichat_async_client):
        async def ask():
            return await unichat_async_client.chat("What is a thread?", user="ada")

        assert asyncio.run(ask()).text

    def test_closed_by_the_test(unichat_async_client):
        async def ask():
            async with unichat_async_client as client:
                return await client.chat("What is a thread?", user="ada")

        assert asyncio.run(ask()).text

    def test_in_a_loop_that_stays_open(unichat_async_client):
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(unichat_async_client.chat("What is a thread?", user="ada")).text
        loop_of[unichat_async_client] = loop

    def test_never_used(unichat_async_client):
        pass

    loop_of = {}
"""


@pytest.fixture(scope="session")
def import_plugin() -> None:
    """Import what the runs need: what they import themselves is forgotten after each, and would be there twice."""
    for name in _IMPORTED:
        import_module(name)


@pytest.fixture
def project(import_plugin: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    # Its runs are within this process, whose own options would be found there as well.
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return pytester


_IMPORTED = (
    "unichat.pytest_plugin.clients", "unichat.pytest_plugin.network", "unichat.pytest_plugin.runs",
    "unichat.transport.h11.transport", "unichat.transport.requests.transport", "unichat_kadal.simulator",
    "unichat_kapa.simulator", "tenacity", "uvicorn.protocols.http.h11_impl", "uvicorn.lifespan.off",
)  # fmt: skip


PLAIN = ("-p", "no:xdist", "-p", "no:randomly", "-p", "no:cacheprovider", "-q")


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    # Not on what else may be installed here, unless a test says so.
    backends = "--unichat-backends=kadal,kapa"
    return project.runpytest_inprocess(*PLAIN, "-rA", backends, *options)


def lines(result: pytest.RunResult, outcome: str) -> list[str]:
    """The ids of the tests with an outcome."""
    found = [line.split() for line in result.outlines if line.startswith(f"{outcome} ")]
    return [words[1].partition("::")[2] for words in found]


def test_loading_it_imports_nothing_else_of_unichat_and_takes_under_10_ms_of_cpu() -> None:
    script = """
import pytest, sys, time
begun = time.process_time()
import unichat.pytest_plugin
print(time.process_time() - begun)
print(*[name for name in sys.modules if name.partition(".")[0] == "unichat"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    seconds, names = done.stdout.splitlines()
    assert names.split() == ["unichat", "unichat.pytest_plugin"]
    assert float(seconds) < 0.01


def test_a_project_without_its_fixtures_imports_nothing_else_of_unichat(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\n\n\ndef test_plain():\n"
        "    assert [m for m in sys.modules if m.startswith('unichat.')] == ['unichat.pytest_plugin']\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:anyio", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout


def test_a_client_runs_on_every_backend_and_finds_an_empty_sandbox(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import pytest

        @pytest.mark.parametrize("round", [1, 2])
        def test_ask(unichat_client, unichat_backend, unichat_fault, unichat_sandbox, round):
            assert unichat_client.backend == unichat_backend
            assert unichat_fault is None
            assert list(unichat_client.history(user="ada")) == []
            assert unichat_client.chat("What is a thread?", user="ada").text
            assert len(list(unichat_client.history(user="ada"))) == 1

        def test_plain():
            pass
    """)
    result = run(project)
    result.assert_outcomes(passed=5)
    assert sorted(lines(result, "PASSED")) == sorted(
        [*(f"test_ask[{backend}-{number}]" for backend in ("kadal", "kapa") for number in (1, 2)), "test_plain"]
    )


OVERRIDES = """
    import pytest

    @pytest.fixture
    def fake_backend():
        return "mine"

    @pytest.fixture
    def unichat_async_client():
        return "mine"

    @pytest.fixture
    def unichat_fault():
        return "507"

    def test_fake(fake_backend):
        assert fake_backend == "mine"

    def test_async_client(unichat_async_client):
        assert unichat_async_client == "mine"

    def test_fault(unichat_fault, unichat_client, unichat_backend):
        assert unichat_fault == "507"
        assert unichat_client.backend == unichat_backend
        with pytest.raises(unichat.errors.ServerError) as error:
            unichat_client.chat("What?", user="ada")
        assert error.value.status == 507

    import unichat
"""


def test_fixtures_that_a_project_overrides_are_what_the_others_use(project: pytest.Pytester) -> None:
    project.makepyfile(OVERRIDES)
    result = run(project, "--unichat-faults=503")
    assert sorted(lines(result, "PASSED")) == [
        "test_async_client", "test_fake", "test_fault[kadal]", "test_fault[kapa]",
    ]  # fmt: skip
    result.assert_outcomes(passed=4)


CHOSEN = """
    import pytest
    from unichat.errors import ServerError

    def ask(client, backend, fault):
        assert client.backend == backend
        try:
            client.chat("What is a thread?", user="ada")
        except ServerError as error:
            assert str(error.status) == fault
        else:
            assert fault is None

    @pytest.mark.parametrize("unichat_backend", ["kapa"])
    def test_direct(unichat_client, unichat_backend, unichat_fault):
        ask(unichat_client, "kapa", unichat_fault)

    @pytest.mark.parametrize("unichat_backend", ["kapa"])
    def test_unnamed(unichat_client, unichat_fault):
        ask(unichat_client, "kapa", unichat_fault)

    @pytest.mark.parametrize("unichat_backend", ["kapa"], indirect=True)
    def test_indirect(unichat_client, unichat_backend, unichat_fault):
        ask(unichat_client, unichat_backend, unichat_fault)

    @pytest.mark.parametrize("unichat_fault", ["507", None])
    def test_faults(unichat_client, unichat_backend, unichat_fault):
        ask(unichat_client, unichat_backend, unichat_fault)

    @pytest.mark.parametrize(("unichat_backend", "unichat_fault"), [("kadal", "507")])
    def test_both(unichat_client):
        ask(unichat_client, "kadal", "507")

    class TestOverride:
        @pytest.fixture
        def unichat_backend(self):
            return "kadal"

        def test_in_a_class(self, unichat_client, unichat_fault):
            ask(unichat_client, "kadal", unichat_fault)
"""


def test_a_test_can_choose_its_backends_and_faults(project: pytest.Pytester) -> None:
    project.makepyfile(CHOSEN)
    result = run(project)
    assert sorted(lines(result, "PASSED")) == [
        "TestOverride::test_in_a_class", "test_both[kadal-507]", "test_direct[kapa]",
        "test_faults[kadal-507]", "test_faults[kadal-None]", "test_faults[kapa-507]", "test_faults[kapa-None]",
        "test_indirect[kapa]", "test_unnamed[kapa]",
    ]  # fmt: skip
    result = run(project, "--unichat-faults=503")
    result.assert_outcomes(passed=2 * 4 + 4 + 1)
    assert "test_direct[503-kapa]" in lines(result, "PASSED")
    assert "test_direct[plain-kapa]" in lines(result, "PASSED")


SANDBOX = """
    import unichat
    from unichat.errors import UnichatError

    def fails(box, backend):
        with unichat.connect(backend, attempts=1, **box.settings(backend)) as client:
            return asking_fails(client)

    def asking_fails(client):
        try:
            client.chat("What is a thread?", user="ada")
        except UnichatError:
            return True
        return False

    def test_alone(unichat_sandbox):
        assert fails(unichat_sandbox, "kapa") is fails(unichat_sandbox, "kadal")

    def test_with_its_fault(unichat_sandbox, unichat_fault):
        assert fails(unichat_sandbox, "kapa") is (unichat_fault is not None)
        assert fails(unichat_sandbox, "kapa") is (unichat_fault not in (None, "503_once"))

    def test_with_a_backend(unichat_sandbox, unichat_backend, unichat_fault):
        assert fails(unichat_sandbox, unichat_backend) is (unichat_fault is not None)

    def test_beside_a_client(unichat_sandbox, unichat_client, unichat_fault):
        # The fault is the client's.
        assert not fails(unichat_sandbox, "kapa")
        assert asking_fails(unichat_client) is (unichat_fault not in (None, "503_once"))
"""


def test_a_test_of_the_sandbox_alone_runs_under_faults_of_the_simulators(project: pytest.Pytester) -> None:
    project.makepyfile(SANDBOX)
    result = run(project, "--unichat-faults=503,reset_after_send,503_once")
    result.assert_outcomes(passed=4 + 4 + 8 + 8)
    assert {name for name in lines(result, "PASSED") if name.startswith("test_alone")} == {
        "test_alone[sandbox]",
        "test_alone[sandbox-503]",
        "test_alone[sandbox-reset_after_send]",
        "test_alone[sandbox-503_once]",
    }


def test_a_test_of_the_sandbox_alone_does_not_wait_for_minutes_where_the_vendor_is_silent(
    project: pytest.Pytester,
) -> None:
    project.makepyfile("""
        import pytest
        import unichat
        from unichat.errors import DeadlineExceeded, StreamInterrupted

        def test_alone(unichat_sandbox, unichat_fault):
            settings = unichat_sandbox.settings("kapa")
            assert {"deadline", "idle_timeout"} <= settings.keys() if unichat_fault else True
            with unichat.connect("kapa", **settings) as client:
                if unichat_fault == "silence":
                    with pytest.raises(DeadlineExceeded):
                        client.chat("What is a thread?", user="ada")
                elif unichat_fault:
                    # On a busy machine, not even the beginning may come in time.
                    with (
                        pytest.raises((DeadlineExceeded, StreamInterrupted)),
                        client.stream("What is a thread?", user="ada") as pieces,
                    ):
                        list(pieces)
    """)
    run(project, "--unichat-faults=silence,stall_in_body").assert_outcomes(passed=3)


def test_a_fault_that_a_connection_to_a_sandbox_cannot_show_skips_tests_of_the_sandbox_alone(
    project: pytest.Pytester,
) -> None:
    project.makepyfile("""
        def test_alone(unichat_sandbox): pass
        def test_client(unichat_client): pass
    """)
    result = run(project, "--unichat-faults=tls", "--unichat-backends=kapa")
    result.assert_outcomes(passed=3, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*a connection to a sandbox cannot show the fault tls; use unichat_client*"])


@pytest.mark.parametrize("name", ["unichat_client", "unichat_async_client", "unichat_backend"])
def test_a_fixture_that_a_test_asks_for_as_it_runs_says_how_to_ask_for_it(project: pytest.Pytester, name: str) -> None:
    project.makepyfile(f"def test_it(request): request.getfixturevalue({name!r})")
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{name}*has to be an argument of the test or of a fixture*usefixtures(*)*"])


def test_a_test_runs_on_all_backends_with_a_simulator(project: pytest.Pytester) -> None:
    project.makepyfile("def test_ask(unichat_client): pass")
    result = project.runpytest_inprocess(*PLAIN, "--collect-only")
    collected = [line.partition("::")[2] for line in result.outlines if "::" in line]
    assert sorted(collected) == [f"test_ask[{backend}]" for backend in sorted(list_plugins(SIMULATORS))]
    assert {"test_ask[kadal]", "test_ask[kapa]"} <= set(collected)


def test_backends_can_be_chosen(project: pytest.Pytester) -> None:
    project.makepyfile("def test_ask(unichat_backend): pass")
    assert lines(run(project, "--unichat-backends=kapa"), "PASSED") == ["test_ask[kapa]"]
    assert lines(run(project, "--unichat-backends=kapa, kadal"), "PASSED") == ["test_ask[kapa]", "test_ask[kadal]"]


def test_an_async_client_works_in_whatever_loop_uses_it_first(project: pytest.Pytester) -> None:
    project.makepyfile(LOOPS)
    # Not every warning: what else this process has imported may make pytest warn as it starts.
    strict = ("-W", "error::ResourceWarning", "-W", "error::pytest.PytestUnraisableExceptionWarning")
    run(project, *strict).assert_outcomes(passed=8)


def test_nobody_waits_and_the_clock_can_be_moved(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import pytest
        from unichat.errors import CircuitOpen, ServerError

        def test_waits(unichat_client, unichat_clock, unichat_fault):
            patient = unichat_client.with_policy(backoff=1000.0, deadline=100000.0)
            if unichat_fault == "503":
                with pytest.raises(ServerError):
                    patient.chat("What is a thread?", user="ada")
            else:
                patient.chat("What is a thread?", user="ada")
            assert len(unichat_clock.slept) == {None: 0, "503_once": 1, "503": 2}[unichat_fault]
    """)
    result = run(project, "--unichat-faults=503,503_once")
    result.assert_outcomes(passed=6)
    assert sorted(lines(result, "PASSED")) == [
        "test_waits[kadal-503]", "test_waits[kadal-503_once]", "test_waits[kadal]",
        "test_waits[kapa-503]", "test_waits[kapa-503_once]", "test_waits[kapa]",
    ]  # fmt: skip


def test_each_fault_of_the_smoke_set_happens_to_both_clients(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import asyncio
        from unichat.errors import UnichatError

        FAILS = {None: False, "503_once": False}

        def whole(client):
            client.chat("What is a thread?", user="ada")

        def streamed(client):
            with client.stream("What is a thread?", user="ada") as pieces:
                list(pieces)

        def fails(call, client):
            try:
                call(client)
            except UnichatError:
                return True
            return False

        def test_whole(unichat_client, unichat_fault):
            assert fails(whole, unichat_client) is FAILS.get(unichat_fault, True)

        def test_streamed(unichat_client, unichat_fault):
            assert fails(streamed, unichat_client) is FAILS.get(unichat_fault, True)

        def test_async(unichat_async_client, unichat_fault):
            async def ask(whole):
                if whole:
                    await unichat_async_client.chat("What is a thread?", user="ada")
                else:
                    async with unichat_async_client.stream("What is a thread?", user="ada") as pieces:
                        async for piece in pieces:
                            pass

            async def both():
                failed = 0
                for each in (True, False):
                    try:
                        await ask(each)
                    except UnichatError:
                        failed += 1
                return failed

            assert asyncio.run(both()) == 2 * FAILS.get(unichat_fault, True)

        def test_scripted(fake_backend, unichat_fault):
            fake_backend.answers("Yes.")
            assert fails(whole, fake_backend.client()) is FAILS.get(unichat_fault, True)
    """)
    result = run(project, "--unichat-faults=smoke")
    # Seven faults and none: three tests on two backends, and the script.
    result.assert_outcomes(passed=8 * (3 * 2 + 1))
    assert "test_scripted[fake]" in lines(result, "PASSED")
    assert "test_scripted[fake-cut_stream]" in lines(result, "PASSED")


def test_a_question_that_nothing_was_scripted_for_fails_the_test_even_if_swallowed(project: pytest.Pytester) -> None:
    project.makepyfile("""
        def test_swallowed(fake_backend):
            try:
                fake_backend.client().chat("What?")
            except BaseException:
                pass
    """)
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no answer scripted for: chat of 'What?'*"])


LEAVING = """
    import pytest
    import unichat

    def ask():
        settings = {"token": "t", "chat_bot_id": "b", "base_url": "https://vendor.invalid"}
        try:
            with unichat.connect("kadal", attempts=1, **settings) as client:
                client.chat("What?", user="ada")
        except BaseException:
            pass

    @pytest.fixture(scope="session")
    def in_a_session():
        ask()

    @pytest.fixture(scope="module")
    def in_a_module():
        ask()

    @pytest.fixture
    def in_a_setup():
        ask()

    @pytest.fixture
    def in_a_teardown():
        yield
        ask()

    @pytest.fixture
    def in_a_skipped_setup():
        ask()
        pytest.skip("no vendor")

    @pytest.fixture(scope="module")
    def in_a_module_teardown():
        yield
        ask()

    def setup_module():
        if HOW == "setup_module":
            ask()

    def test_it(request):
        if HOW == "a skipped test":
            ask()
            pytest.skip("no vendor")

    HOW = %r
    if HOW.startswith("in_"):
        test_it = pytest.mark.usefixtures(HOW)(test_it)
"""


@pytest.mark.parametrize(
    "how",
    [
        "in_a_session", "in_a_module", "in_a_setup", "in_a_teardown", "in_a_skipped_setup", "in_a_module_teardown",
        "setup_module", "a skipped test",
    ],
)  # fmt: skip
def test_a_test_fails_if_its_fixtures_would_leave_the_machine_and_swallow_the_error(
    project: pytest.Pytester, how: str
) -> None:
    project.makeini("[pytest]\nunichat_block_network = true")
    project.makepyfile(LEAVING % how)
    result = run(project)
    ended = result.parseoutcomes()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert ended.get("failed", 0) + ended.get("errors", 0) == 1
    result.stdout.fnmatch_lines(["*::test_it would have connected to 'vendor.invalid'*"])


def test_a_vendor_behind_a_proxy_on_this_machine_is_off_the_machine(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    project.makeini("[pytest]\nunichat_block_network = true")
    project.makepyfile(LEAVING % "in_a_setup")
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*::test_it would have connected to 'vendor.invalid'*"])


def test_a_question_that_nothing_was_scripted_for_fails_the_test_once_wherever_it_was_asked(
    project: pytest.Pytester,
) -> None:
    project.makepyfile("""
        import pytest

        @pytest.fixture
        def asks(fake_backend):
            yield
            try:
                fake_backend.client().chat("What?")
            except BaseException:
                pass

        def test_in_a_teardown(asks):
            pass

        def test_raised(fake_backend):
            fake_backend.client().chat("What?")
    """)
    run(project).assert_outcomes(passed=1, failed=1, errors=1)


@pytest.mark.parametrize("how", ["setting", "marker"])
def test_the_network_is_blocked_for_both_clients_in_every_thread(project: pytest.Pytester, how: str) -> None:
    if how == "setting":
        project.makeini("[pytest]\nunichat_block_network = true")
    project.makepyfile(f"""
        import asyncio
        import threading
        import pytest
        import unichat

        if {how == "marker"}:
            pytestmark = pytest.mark.unichat_network("block")
        KADAL = {{"token": "t", "chat_bot_id": "b", "base_url": "https://vendor.invalid"}}

        def ask():
            with unichat.connect("kadal", **KADAL) as client:
                client.chat("What?", user="ada")

        def test_raised():
            ask()

        def test_swallowed():
            try:
                ask()
            except BaseException:
                pass

        def test_thread():
            def swallow():
                try:
                    ask()
                except BaseException:
                    pass

            thread = threading.Thread(target=swallow)
            thread.start()
            thread.join()

        def test_async():
            async def ask():
                async with unichat.connect_async("kadal", **KADAL) as client:
                    await client.chat("What?", user="ada")

            asyncio.run(ask())

        def test_this_machine(unichat_client):
            unichat_client.chat("What?", user="ada")

        @pytest.mark.unichat_network("allow")
        def test_allowed():
            with pytest.raises(unichat.errors.ConnectionFailed):
                ask()
    """)
    result = run(project)
    assert sorted(lines(result, "FAILED")) == ["test_async", "test_raised", "test_swallowed", "test_thread"]
    assert sorted(lines(result, "PASSED")) == ["test_allowed", "test_this_machine[kadal]", "test_this_machine[kapa]"]
    result.stdout.fnmatch_lines(["*::test_swallowed would have connected to 'vendor.invalid'*"])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--unichat-backends=kap", "no simulator of 'kap'; did you mean kapa?"),
        ("--unichat-backends=,", "--unichat-backends has no name: give one or more, separated by commas"),
        ("--unichat-faults=5o3", "no fault is called '5o3'; did you mean 503?"),
        ("--unichat-faults=smoke,cut", "no fault is called 'cut'"),
        ("--unichat-faults=", "--unichat-faults has no name"),
    ],
)
def test_a_mistake_in_an_option_is_reported_without_a_traceback(
    project: pytest.Pytester, option: str, message: str
) -> None:
    result = run(project, option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in str(result.stderr)
    assert "Traceback" not in str(result.stderr)


def test_a_mistake_in_the_marker_is_reported(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import pytest

        @pytest.mark.unichat_network("none")
        def test_it():
            pass
    """)
    result = run(project)
    result.assert_outcomes(errors=1)
    assert 'unichat_network takes "block" or "allow", not \'none\'' in str(result.stdout)
