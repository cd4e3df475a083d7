"""Models that find names in texts, behind one small interface: the packaged model, or another.

All are loaded from disk or from the local cache when the detector is built; what is missing is an error then.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from ss_ray.environment import changed_environment
from ss_ray.errors import ConfigError, ResourceError
from ss_ray.pii.text.recognizers import without_modules

# Hugging Face's libraries read files of this machine alone.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}

BUILTIN = "builtin"
BUILTIN_TYPES = frozenset(
    {
        "PERSON",
        "LOCATION",
        "STREET_ADDRESS",
        "POSTCODE",
        "ORGANIZATION",
        "NRP",
        "TITLE",
        "JOB_TITLE",
        "AGE",
        "DATE_TIME",
    }
    | {"PHONE_NUMBER"}
)
"""The types that the model of the package finds."""

# Presidio's score for what a model without probabilities finds.
_SCALE = 0.85
_NUMBERS = frozenset({"PHONE_NUMBER", "POSTCODE"})
# The network's arrays of one batch fit into the processor's cache.
_BATCH = 64

# Labels of OntoNotes and CoNLL that Presidio's own table lacks.
_MORE_LABELS = {
    "FAC": "LOCATION",
    "FACILITY": "LOCATION",
    "MONEY": None,
    "MISC": None,
    "GPE": "LOCATION",
    "TIME": "DATE_TIME",
}

Span = tuple[int, int, str, float]
"""Start and end in characters, entity type, score."""


class NerEngine(Protocol):
    """Finds spans in texts."""

    def find_each(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans of each text."""


def load_engine(name: str) -> NerEngine:
    """The engine of a model: "builtin", a spaCy pipeline, "transformers:NAME" or "gliner:NAME".

    Raises:
        ConfigError: An empty name.
        ResourceError: A package or a model that is not here.
    """
    kind, _, model = name.partition(":")
    if kind in {"transformers", "gliner"} and not model:
        raise ConfigError(f"ner_model {name!r} names no model; write {kind}:NAME, or {kind}:PATH")
    if not name.strip():
        raise ConfigError("ner_model is empty; use builtin, null, or the name of a model")
    if name == BUILTIN:
        return _load_builtin()
    if kind == "transformers":
        return _HuggingFace(model)
    if kind == "gliner":
        return _Gliner(model)

    return _Spacy(name)


class _Builtin:
    """The entity tagger that ships with the package, which knows how probable each span is."""

    def __init__(self) -> None:
        with without_modules("torch", "transformers"):
            from ss_ray.pii.text import ner
        self._nlp = ner.load_builtin()
        self._read = ner.read

    def find_each(self, texts: Sequence[str]) -> list[list[Span]]:
        # Or else spaCy keeps every word that it ever meets.
        with self._nlp.memory_zone():
            return [
                [(start, end, label, score * _choose_scale(label)) for start, end, label, score in found]
                for found in self._read(self._nlp, texts, _BATCH)
            ]


def _choose_scale(label: str) -> float:
    if label in _NUMBERS:
        return _SCALE / 2
    return _SCALE


@cache
def _load_builtin() -> _Builtin:
    return _Builtin()


class _Spacy:
    """Any spaCy pipeline with an entity recognizer; the score is the same for all it finds."""

    def __init__(self, name: str) -> None:
        with without_modules("torch", "transformers"):
            import spacy

        try:
            self._nlp = spacy.load(name)
        except OSError:
            raise ResourceError(
                f"ner_model {name!r} is no spaCy pipeline that is installed, nor a folder with one; install it, or use"
                " builtin, transformers:NAME or gliner:NAME"
            ) from None
        except Exception as error:
            raise ResourceError(f"the spaCy pipeline {name!r} cannot be loaded: {type(error).__name__}") from error

        self._types = _presidio_labels()

    def find_each(self, texts: Sequence[str]) -> list[list[Span]]:
        with self._nlp.memory_zone():
            return [
                [
                    (span.start_char, span.end_char, kind, _SCALE)
                    for span in doc.ents
                    if (kind := self._types.get(span.label_, span.label_))
                ]
                for doc in self._nlp.pipe(texts, batch_size=_BATCH)
            ]


def _presidio_labels() -> dict[str, str | None]:
    with without_modules("torch", "transformers"):
        from presidio_analyzer.nlp_engine import NerModelConfiguration
    return {**(NerModelConfiguration().model_to_presidio_entity_mapping or {}), **_MORE_LABELS}


class _Presidio:
    """A recognizer of Presidio's around a model."""

    def __init__(self, recognizer: Any) -> None:
        self._recognizer = recognizer

    def find_each(self, texts: Sequence[str]) -> list[list[Span]]:
        wanted = self._recognizer.supported_entities
        return [
            [
                (found.start, found.end, found.entity_type, float(found.score))
                for found in self._recognizer.analyze(text, wanted)
            ]
            if text.strip()
            else []
            for text in texts
        ]


class _HuggingFace(_Presidio):
    """Presidio's recognizer of a Hugging Face token classification model."""

    def __init__(self, model: str) -> None:
        _require_packages(model, "transformers", "torch", name=f"transformers:{model}")
        with changed_environment(_OFFLINE), _report_load_errors(f"transformers:{model}"):
            # By its own path: the package's __init__ may have been imported while transformers was hidden.
            recognizer = _import_fresh("presidio_analyzer.predefined_recognizers.ner.huggingface_ner_recognizer")
            labels = {label: kind for label, kind in _presidio_labels().items() if kind}
            labels = {**recognizer.HuggingFaceNerRecognizer.DEFAULT_LABEL_MAPPING, **labels}
            super().__init__(recognizer.HuggingFaceNerRecognizer(model_name=model, label_mapping=labels))


class _Gliner(_Presidio):
    """Presidio's recognizer of a GLiNER model, with our types in plain words."""

    def __init__(self, model: str) -> None:
        _require_packages(model, "gliner", name=f"gliner:{model}")
        with changed_environment(_OFFLINE), _report_load_errors(f"gliner:{model}"):
            recognizer = _import_fresh("presidio_analyzer.predefined_recognizers.ner.gliner_recognizer")
            asked = {kind.lower().replace("_", " "): kind for kind in sorted(BUILTIN_TYPES)}
            super().__init__(recognizer.GLiNERRecognizer(model_name=model, entity_mapping=asked))


def _require_packages(model: str, *packages: str, name: str) -> None:
    """Check, before any slow import, that the packages and the model are installed."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise ResourceError(f"ner_model {name!r} needs {' and '.join(missing)}, which is not installed")
    if not Path(model).is_dir() and not _is_cached(model):
        raise ResourceError(f"ner_model {name!r} is neither a folder nor in the local cache of Hugging Face models")


def _is_cached(model: str) -> bool:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return any(
            isinstance(try_to_load_from_cache(model, file), str) for file in ("config.json", "gliner_config.json")
        )
    except HFValidationError:
        # Not a name that a repository can have.
        return False


def _import_fresh(module: str) -> Any:
    """Import a module anew with all packages visible; Presidio's modules remember missing packages at import."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.loader is None:
        raise ImportError(module)

    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@contextmanager
def _report_load_errors(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise ResourceError(
            f"ner_model {name!r} cannot be loaded ({type(error).__name__}); give the folder of a model, or one that is"
            " in the local cache"
        ) from error
