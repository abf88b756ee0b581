"""A sample of transformers' decoders: each gives right numbers or refuses in one line."""

import families
import pytest

TABLE = families.read()
SAMPLE = sorted(TABLE)[3::7]


@pytest.mark.parametrize("family", SAMPLE)
def test_a_family_works_or_says_why_not(family):
    found = families.outcome(family)
    assert (found == families.WORKS) == (TABLE[family] == families.WORKS)
    assert "\n" not in found


def test_four_in_five_work():
    works = sum(each == families.WORKS for each in TABLE.values())
    assert works >= 0.8 * len(TABLE)
