"""Which tests `--proxy` runs, and how it is read."""

from types import SimpleNamespace

import pytest

from tests.behaviour.proxies import Proxy, sends_through

KAPA = Proxy("kapa", 8101, "http://127.0.0.1:4011")


def test_the_option_names_a_backend_a_port_and_a_url():
    assert Proxy.parse("kapa=8101,http://127.0.0.1:4011") == KAPA


@pytest.mark.parametrize(
    "text", ["", "kapa", "kapa=http://127.0.0.1:4011", "=8101,http://a", "kapa=8101", "kapa=8101,a"]
)
def test_a_value_that_lacks_a_part_is_refused(text):
    with pytest.raises(ValueError, match="is not BACKEND=PORT,URL"):
        Proxy.parse(text)


class Item:
    """As much of a test as is looked at."""

    def __init__(self, *fixtures, marker=None, **parameters):
        self.fixturenames = fixtures
        self.callspec = SimpleNamespace(params=parameters)
        self.marker = marker

    def get_closest_marker(self, name):
        return self.marker if name == "unproxied" else None


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (Item("box"), True),
        (Item("box", vendor="kapa"), True),
        (Item("box", backend="kapa", settings={}), True),
        (Item("box", vendor="kadal"), False),
        (Item("own"), False),
        (Item("box", vendor="kapa", marker="why"), False),
        (object(), False),
    ],
    ids=["of several vendors", "of the vendor", "of the backend", "of another", "of its own", "marked", "an example"],
)
def test_a_test_sends_through_the_proxy_of_its_vendor(item, expected):
    assert sends_through(item, [KAPA]) is expected
