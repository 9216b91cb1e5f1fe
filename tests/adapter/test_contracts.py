"""How an adapter says which contracts its vendor has."""

import pytest

from unichat.adapter import Contracts


def test_contracts_are_a_package_and_its_versions():
    assert Contracts("unichat_acme", ("1", "2")).versions == ("1", "2")


@pytest.mark.parametrize("versions", ["2026", (), ["2026"], None], ids=repr)
def test_versions_that_are_not_a_tuple_of_names_are_a_mistake_of_the_adapters(versions):
    with pytest.raises(ValueError, match="give a tuple of their names"):
        Contracts("unichat_acme", versions)
