"""Generated parts of committed files are what code and evidence now give."""

import pytest

from strata.generated import generated


@pytest.mark.parametrize(
    ("file", "text"), generated().items(), ids=lambda value: getattr(value, "name", "")
)
def test_generated_file_is_fresh(file, text):
    assert file.read_text(encoding="utf-8") == text, "run `make generated`"
