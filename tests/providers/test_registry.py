"""Names to classes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from providers.base import Provider
from providers.registry import PROVIDERS, UnknownProvider, provider_class, provider_names


@pytest.fixture
def outside_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that offers one provider and one impostor."""
    (tmp_path / "a_carrier.py").write_text(
        "from providers.esms import Esms\nclass Theirs(Esms): ...\nclass Impostor: ...\n"
    )
    info = tmp_path / "a_carrier-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: a_carrier\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[dispatcher.providers]\ntheirs = a_carrier:Theirs\nimpostor = a_carrier:Impostor\nesms = a_carrier:Impostor\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_name_of_the_table_is_a_provider(name: str) -> None:
    kind = provider_class(name)
    assert issubclass(kind, Provider)
    assert kind.options_model.model_config["extra"] == "forbid"


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(UnknownProvider, match=r"“esmss”.*esms"):
        provider_class("esmss")
    assert issubclass(UnknownProvider, ValueError)


@pytest.mark.usefixtures("outside_package")
def test_an_outside_package_is_found_by_its_entry_point() -> None:
    assert provider_class("theirs").__name__ == "Theirs"
    assert {"theirs", "esms"} <= set(provider_names())


@pytest.mark.usefixtures("outside_package")
def test_our_own_table_wins_over_an_outside_package() -> None:
    assert provider_class("esms").__module__ == "providers.esms"


@pytest.mark.usefixtures("outside_package")
def test_an_entry_point_that_is_no_provider_is_refused() -> None:
    with pytest.raises(TypeError, match="impostor"):
        provider_class("impostor")


def test_an_adapter_is_imported_on_first_use() -> None:
    code = "import sys, providers.registry; assert 'providers.esms' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
