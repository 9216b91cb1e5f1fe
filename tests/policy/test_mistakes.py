"""An adapter's mistakes: what counts as one, and what is kept of it."""

from __future__ import annotations

import pytest

from unichat.errors import AdapterError, InvalidInput, NotFound
from unichat.policy.mistakes import (
    MISTAKES,
    adapter_error,
    call_adapter,
    clean_mistake,
    describe_mistake,
    is_mistake,
)
from unichat.policy.redaction import redaction_for

SECRET = "sesame-key"
REDACT = redaction_for(SECRET)


def catch(function):
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


def make_ended_generator():
    def generate():
        yield next(iter(()))

    next(generate())


@pytest.mark.parametrize("kind", [*MISTAKES, KeyError, UnicodeDecodeError, ZeroDivisionError])
def test_is_mistake_for_what_python_raises_for_a_mistake_in_code_is_true(kind):
    assert is_mistake(kind.__new__(kind))


def test_is_mistake_for_an_iterator_that_ended_within_a_generator_is_true():
    assert is_mistake(catch(make_ended_generator))


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("x"),
        OSError("x"),
        AssertionError("x"),
        MemoryError(),
        KeyboardInterrupt(),
        SystemExit(),
        Exception(),
    ],
)
def test_is_mistake_for_what_is_not_the_adapters_is_false(error):
    assert not is_mistake(error)


def test_describe_mistake_names_type_and_place_and_not_the_message():
    described = describe_mistake(catch(lambda: {}[SECRET]))
    assert described.startswith("(KeyError) at test_mistakes.py:")
    assert SECRET not in described
    assert describe_mistake(KeyError(SECRET)) == "(KeyError)"


def test_describe_mistake_names_the_place_where_it_was_raised_and_no_caller():
    names = {}
    exec(compile("def read():\n    return {}['x']", "/somewhere/adapter.py", "exec"), names)
    assert describe_mistake(catch(lambda: names["read"]())) == "(KeyError) at adapter.py:2"


def test_clean_mistake_keeps_the_exception_without_its_frames_and_secrets():
    mistake = catch(lambda: int(f"the key is {SECRET}"))
    assert clean_mistake(mistake, REDACT) is mistake
    assert mistake.__traceback__ is None
    assert mistake.args == ("invalid literal for int() with base 10: 'the key is ***'",)
    (note,) = mistake.__notes__
    assert "test_mistakes.py" in note


def test_clean_mistake_cleans_every_link_of_a_chain_and_ends_where_it_is_a_circle():
    inner, outer = catch(lambda: {}[SECRET]), catch(lambda: int(SECRET))
    outer.__cause__, inner.__cause__ = inner, outer
    clean_mistake(outer, REDACT)
    for link in (outer, inner):
        assert link.__traceback__ is None
        assert SECRET not in repr(link)


def test_clean_mistake_drops_the_object_of_an_attribute_error_and_the_text_of_a_unicode_error():
    attribute = catch(lambda: SECRET.nothing)
    assert attribute.obj == SECRET
    clean_mistake(attribute, REDACT)
    assert attribute.obj is None
    unicode = catch(lambda: f"{SECRET}\udcff".encode())
    clean_mistake(unicode, REDACT)
    assert SECRET not in repr(vars(unicode)) + str(unicode.object)


def test_clean_mistake_redacts_arguments_of_any_type():
    mistake = clean_mistake(ValueError(["a", SECRET], 7), REDACT)
    assert mistake.args == ("['a', '***']", 7)


def test_adapter_error_names_backend_operation_and_mistake():
    error = adapter_error("made a mistake", catch(lambda: {}[1]), REDACT, backend="echo", operation="chat")
    assert error.message.startswith("echo's adapter made a mistake (KeyError) at test_mistakes.py:")
    assert (error.backend, error.operation) == ("echo", "chat")
    assert isinstance(error.__cause__, KeyError)
    assert "report it to its author" in str(error.hint)


def test_adapter_error_for_an_error_of_ours_does_not_chain_it():
    error = adapter_error("made a mistake", NotFound("x"), REDACT, backend="echo", operation=None)
    assert error.__cause__ is None


def test_call_adapter_returns_what_the_function_returns():
    assert call_adapter("x", lambda: 5, REDACT, backend="echo", operation=None) == 5


def test_call_adapter_turns_a_mistake_into_an_adapter_error_without_context():
    with pytest.raises(AdapterError) as caught:
        call_adapter("could not be made", lambda: int(SECRET), REDACT, backend="echo", operation=None)
    assert caught.value.__context__ is None
    assert SECRET not in repr(caught.value.__cause__)


@pytest.mark.parametrize("error", [InvalidInput("x"), RuntimeError("x"), OSError("x"), KeyboardInterrupt()])
def test_call_adapter_lets_pass_what_is_no_mistake(error):
    def function():
        raise error

    assert catch(lambda: call_adapter("x", function, REDACT, backend="echo", operation=None)) is error
