"""Pretrained causal language models: checked before any work, loaded with an adapter, saved with it and merged.

Everything is read off the model's own files, nothing off its name. A model that needs code of its own is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoftQConfig, LoraConfig, PeftModel, TaskType, get_peft_model
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, GenerationConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.pytorch_utils import Conv1D
from transformers.utils import is_bitsandbytes_available

from ss_ray.errors import ConfigError, ResourceError
from ss_ray.packaged_models import find_model
from ss_ray.plans.language_training import LanguagePlan, LoraPlan

PARAMETER = "training.pretrained_model"
USUAL_WINDOW = 2048
"""Tokens of a model whose files do not say how many it takes."""
NO_LIMIT = 10**6
"""A tokenizer that knows no limit gives a larger one than this."""


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """A base model with a fresh adapter, and what else training needs of its files.

    Attributes:
        model: A `PeftModel` in training mode; only the adapter's weights are trainable.
        tokenizer: With an end and a padding token.
    """

    model: Any
    tokenizer: Any


def check_pretrained(name: str, *, parameter: str = PARAMETER) -> None:
    """Refuse, before any work, what is no causal language model with a tokenizer.

    Args:
        name: Name of a packaged model, path of a folder, or hub id; of a hub's model, configuration and tokenizer are
            downloaded.
        parameter: Parameter of the request that names the model.

    Raises:
        ConfigError: It is something else.
        ResourceError: There is no such folder, and the hub does not answer, does not know it, or keeps it gated.
    """
    config = _from_files(AutoConfig, name)
    architectures = set(config.architectures or ())
    can_write = architectures & set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING or (architectures and not can_write):
        raise ConfigError(f"{parameter}: {name!r} is no causal language model")
    folder = Path(find_model(name))
    if folder.is_dir() and not any(f for s in ("*.safetensors", "*.bin") for f in folder.glob(s)):
        raise ConfigError(f"{parameter}: the folder {name!r} has no weights")

    load_tokenizer(name)


def load_tokenizer(name: str) -> Any:
    """The tokenizer of a model, with an end token and a padding token.

    Raises:
        ConfigError: It has neither an end token nor one that could stand in for it.
        ResourceError: As `check_pretrained`.
    """
    tokenizer = _from_files(AutoTokenizer, name)
    if tokenizer.eos_token_id is None:
        known = _from_files(AutoConfig, name).get_text_config().eos_token_id
        known = known[0] if isinstance(known, list) else known
        candidates = (known, tokenizer.sep_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id)
        end = next((token for token in candidates if token is not None), None)
        if end is None:
            raise ConfigError(f"training.pretrained_model: the tokenizer of {name!r} has no special token to end with")

        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(end)

    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token

    return tokenizer


def render_prompt(tokenizer: Any, instruction: str) -> tuple[str, tuple[int, ...]]:
    """An instruction as the model expects it, as text and as tokens: in its chat template, or as it is."""
    if tokenizer.chat_template is not None:
        messages = [{"role": "user", "content": instruction}]
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    else:
        begins = tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id]
        text = (tokenizer.bos_token if begins else "") + instruction + "\n"

    return text, tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def model_window(plan: LanguagePlan) -> int:
    """Tokens of an example at most, by the model's own files.

    Raises:
        ConfigError: The model's positions cannot be scaled as asked.
        ResourceError: As `check_pretrained`.
    """
    return _load_configuration(plan)[1]


def load_base(plan: LanguagePlan, device: torch.device) -> Pretrained:
    """The base model on a device, quantised if asked, with a fresh adapter; the same seed gives the same one.

    Raises:
        ConfigError: The model lacks the layers to be adapted, or cannot be run as asked.
        ResourceError: As `check_pretrained`; quantisation without a GPU or without bitsandbytes.
    """
    config, _ = _load_configuration(plan)
    tokenizer = load_tokenizer(plan.base_model)
    base = _base_model(plan, config, device)
    model = add_adapter(base, plan.lora, plan.seed, **_loftq_settings(plan))
    if plan.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()

    return Pretrained(model=model.train(), tokenizer=tokenizer)


def add_adapter(base: Any, plan: LoraPlan, seed: int, **settings: Any) -> Any:
    """A `PeftModel` of a model with a fresh adapter; the same seed gives the same one.

    Args:
        base: Causal language model of transformers, which is changed in place.
        plan: Rank and layers of the adapter.
        seed: Seed of the adapter's first weights.
        settings: More settings of PEFT's `LoraConfig`.

    Raises:
        ConfigError: The model lacks the layers to be adapted.
    """
    lora = LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        r=plan.r,
        # A fraction is as good, whatever the type says.
        lora_alpha=plan.alpha,
        use_rslora=True,
        lora_dropout=0.0,
        target_modules=_find_targets(base, plan),
        **settings,
    )
    device = base.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        return get_peft_model(base, lora)


def save_adapter(model: Any, folder: Path) -> None:
    """Write the adapter in PEFT's format."""
    model.save_pretrained(folder, save_embedding_layers=False)


def load_adapter(plan: LanguagePlan, folder: Path) -> Any:
    """The unquantised base model on the CPU with the adapter in `folder`.

    Raises:
        ResourceError: As `check_pretrained`.
    """
    config, _ = _load_configuration(plan)
    base = _load_model(plan, config, device_map={"": "cpu"})
    return PeftModel.from_pretrained(base, str(folder))


def load_plain(name: str, dtype: torch.dtype) -> Any:
    """A causal language model on the CPU, without an adapter and without dropout, ready for inference.

    Args:
        name: Name of a packaged model, path or hub id.
        dtype: Type of its weights.

    Raises:
        ConfigError: The model cannot be loaded.
        ResourceError: As `check_pretrained`.
    """
    config = _without_dropout(_from_files(AutoConfig, name))
    try:
        model = AutoModelForCausalLM.from_pretrained(
            find_model(name), config=config, dtype=dtype, trust_remote_code=False
        )
    except (OSError, ValueError, ImportError) as error:
        raise ResourceError(f"the weights of {name!r} cannot be read ({type(error).__name__})") from None

    return model.eval()


def save_plain(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a model and its tokenizer: what transformers and vLLM load.

    Args:
        model: Causal language model of transformers.
        tokenizer: Tokenizer of the model.
        folder: A local one.
    """
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def save_merged(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write the model with its adapter added to the weights, and the tokenizer: what transformers and vLLM load.

    Args:
        model: A `PeftModel` of an unquantised base; it is of no use afterwards.
        tokenizer: Tokenizer of the model.
        folder: A local one.
    """
    save_plain(model.merge_and_unload(), tokenizer, folder)


def _from_files(kind: Any, name: str) -> Any:
    """`kind.from_pretrained(name)` with errors that say what to do."""
    try:
        return kind.from_pretrained(find_model(name), trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        if isinstance(error, OSError) and not Path(name).is_dir():
            raise ResourceError(
                f"training.pretrained_model: {name!r} is no folder here, and the hub gave none ({_hub_reason(error)}); "
                "give the path of a folder, set HF_HOME to a cache that has it, or log in to the hub where the model "
                "is gated"
            ) from None
        raise ConfigError(
            f"training.pretrained_model: {name!r} has no model with a tokenizer that this version can load "
            f"({type(error).__name__})"
        ) from None


def _hub_reason(error: OSError) -> str:
    """The hub's own word for what happened."""
    return type(error.__cause__ or error).__name__


def _load_configuration(plan: LanguagePlan) -> tuple[Any, int]:
    """The model's configuration without dropout, with rope scaling where the window needs it, and the window."""
    config = _without_dropout(_from_files(AutoConfig, plan.base_model))
    text = config.get_text_config()
    own = getattr(text, "max_position_embeddings", None)
    if own is None:
        limit = _from_files(AutoTokenizer, plan.base_model).model_max_length
        own = limit if limit < NO_LIMIT else USUAL_WINDOW

    window = min(own, plan.max_window_tokens) * plan.rope_scaling_factor
    if window > own:
        _scale_rope(text, window / own)
        text.max_position_embeddings = window

    return config, window


def _without_dropout(config: Any) -> Any:
    """A configuration whose model's losses are functions of weights and example alone."""
    text = config.get_text_config()
    for key, value in text.to_dict().items():
        if "drop" in key and isinstance(value, float):
            setattr(text, key, 0.0)

    return config


def _scale_rope(config: Any, factor: float) -> None:
    """Stretch the positions linearly: Chen et al. 2023, arXiv:2306.15595."""
    parameters = getattr(config, "rope_parameters", None) or {}
    if parameters.get("rope_type") != "default":
        raise ConfigError(
            "training.rope_scaling_factor: this model has no rotary positions, or scales them already; set it to 1"
        )

    config.rope_parameters = parameters | {"rope_type": "linear", "factor": factor}


def _base_model(plan: LanguagePlan, config: Any, device: torch.device) -> Any:
    """The base model, quantised if asked, on its device."""
    if plan.quantization is None:
        return _load_model(plan, config, device_map={"": device})
    if device.type != "cuda" or not is_bitsandbytes_available():
        raise ResourceError(
            "training.quantize_model needs a GPU (resources.use_gpu) and the package bitsandbytes on every node; "
            "give them, or set it to false"
        )
    # Quantises by itself, so that the adapter can make up for it.
    if plan.lora.loftq:
        return _load_model(plan, config, device_map={"": device})

    if plan.quantization == "bnb-8bit":
        scheme = BitsAndBytesConfig(load_in_8bit=True)
    else:
        scheme = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )

    model = _load_model(plan, config, device_map={"": device}, quantization_config=scheme)
    model.requires_grad_(False)
    return model


def _load_model(plan: LanguagePlan, config: Any, **settings: Any) -> Any:
    dtype = torch.bfloat16 if plan.bf16 else torch.float32
    settings |= {"config": config, "dtype": dtype, "attn_implementation": plan.attn_implementation}
    try:
        return AutoModelForCausalLM.from_pretrained(find_model(plan.base_model), trust_remote_code=False, **settings)
    except OSError as error:
        raise ResourceError(
            f"training.pretrained_model: the weights of {plan.base_model!r} cannot be read ({_hub_reason(error)}); "
            "with several nodes, each needs the folder, or a way to the hub"
        ) from None
    except (ValueError, ImportError) as error:
        raise ConfigError(
            f"training.pretrained_model, training.attn_implementation: {plan.base_model!r} cannot be run with "
            f"{plan.attn_implementation!r} ({type(error).__name__})"
        ) from None


def _find_targets(model: nn.Module, lora: LoraPlan) -> list[str] | str:
    """Names of the layers to adapt, in PEFT's terms.

    Raises:
        ConfigError: The user named layers that the model does not have.
    """
    layers = {name for name, layer in model.named_modules() if isinstance(layer, nn.Linear | Conv1D)}
    found = [target for target in lora.target_modules if any(f".{name}".endswith(f".{target}") for name in layers)]
    if lora.any_layers:
        return found or "all-linear"

    missing = [target for target in lora.target_modules if target not in found]
    if missing:
        known = sorted({name.rpartition(".")[2] for name in layers})
        raise ConfigError(
            f"training.lora_target_modules: the model has no {', '.join(missing)}; it has {', '.join(known)}"
        )

    return found


def _loftq_settings(plan: LanguagePlan) -> dict[str, Any]:
    """PEFT's settings of an adapter that starts from what quantisation loses."""
    if not plan.lora.loftq:
        return {}
    bits = 4 if plan.quantization == "bnb-4bit" else 8
    return {"init_lora_weights": "loftq", "loftq_config": LoftQConfig(loftq_bits=bits)}
