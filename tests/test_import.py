import subprocess
import sys

import pytest

import unichat


def python(code):
    """What an interpreter of its own prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_unichat_imports_none_of_its_dependencies():
    code = """
import sys
before = set(sys.modules)
import unichat
print(*{name.partition(".")[0] for name in set(sys.modules) - before})
"""
    imported = set(python(code))
    assert "unichat" in imported
    assert not imported & {"requests", "urllib3", "attr", "attrs", "cattrs", "tenacity", "platformdirs"}
    assert not {name for name in imported if name not in sys.stdlib_module_names} - {"unichat"}


def test_the_models_need_no_http_library():
    code = "import sys, unichat; unichat.Answer, unichat.errors, unichat.ThreadRef; print(*sys.modules)"
    assert not set(python(code)) & {"requests", "urllib3", "cattrs", "tenacity"}


def test_a_star_import_gives_all_public_names():
    code = "from unichat import *; print(*sorted(name for name in globals() if name in __import__('unichat').__all__))"
    assert python(code) == sorted(unichat.__all__)


def test_a_star_import_works_without_the_extras():
    code = """
import sys
sys.modules.update(dict.fromkeys(("starlette", "uvicorn", "markdown_it", "click", "prompt_toolkit")))
from unichat import *
print(connect.__name__)
"""
    assert python(code) == ["connect"]


@pytest.mark.parametrize("name", unichat.__all__)
def test_every_public_name_resolves_and_stays(name):
    value = getattr(unichat, name)
    assert value is not None
    assert getattr(unichat, name) is value


@pytest.mark.parametrize("name", ["contract", "errors", "sandbox"])
def test_a_public_module_is_imported_when_it_is_first_used(name, monkeypatch):
    module = getattr(unichat, name)
    monkeypatch.delattr(unichat, name)
    assert getattr(unichat, name) is module


def test_all_names_that_outside_checks_rely_on_are_public():
    promised = {"connect", "errors", "Answer", "Exchange", "Rating", "Source", "ThreadRef", "User"}
    assert promised <= set(unichat.__all__) == set(dir(unichat))


def test_public_classes_say_where_they_come_from():
    assert unichat.Answer.__module__ == "unichat.models"
    assert unichat.errors.UnichatError.__module__ == "unichat.errors"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'unichat' has no attribute 'Bot'"):
        _ = unichat.Bot
    with pytest.raises(ImportError):
        from unichat import Bot  # noqa: F401


def test_the_version_is_a_version():
    assert all(part.isdigit() for part in unichat.__version__.split("."))
