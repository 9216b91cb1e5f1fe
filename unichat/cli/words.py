"""What the command line calls the arguments, methods and settings that an error names."""

from __future__ import annotations

from attrs import fields_dict

from unichat._text.templates import Argument, Method, PythonOnly, Reference, Setting, Term, Words
from unichat.adapter import CommonSettings
from unichat.errors import UnichatError

METHODS = {
    "chat": "`unichat ask`",
    "stream": "`unichat chat`",
    "history": "`unichat history`",
    "feedback": "`unichat feedback`",
    "clear_history": "`unichat clear`",
}
TERMS: dict[str, str | Reference] = {
    "answer.thread or str(answer.thread)": "the whole reference, as `unichat ask` prints it",
    "answer.ref or str(answer.ref)": "the answer's reference, as `unichat ask` prints it",
    'connect("kapa", …)': Argument("backend", "kapa"),
    "in .text": "shown",
    "keyword argument": "option",
    "a dict": "a JSON object",
    "Rating.UP or Rating.DOWN": "up or down",
}


def describe_error(error: UnichatError, options: frozenset[str]) -> str:
    """Return the line that a command shows for an error.

    Args:
        error: the error.
        options: the names of the options that the command has, as its function takes them.
    """
    argument = str(getattr(error, "argument", None) or "").partition(".")[0]
    # Its message names the Python argument.
    option = f" (here: {_option(argument)})" if argument in options else ""
    return error.describe(command_words(options)) + option


def command_words(options: frozenset[str]) -> Words:
    """Return the words of a command that has these options."""

    def words(reference: Reference) -> str | None:
        match reference:
            case Argument(name, value) if name in options:
                return f"{_option(name)} {value}".rstrip()
            case Argument(name, "") if name in fields_dict(CommonSettings):
                return f"{name} in the profile"
            case Method(name):
                return METHODS.get(name)
            case Setting(name, value):
                return f"{name} = {value}" if value else f"{name} in the profile"
            case Term(text):
                term = TERMS.get(text)
                return term if term is None or isinstance(term, str) else words(term)
            case Argument() | PythonOnly():
                return None

    return words


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
