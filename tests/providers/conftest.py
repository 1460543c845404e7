"""Failed promises are told in full although `conformance.py` is no test file itself."""

import pytest

pytest.register_assert_rewrite("tests.providers.conformance")
