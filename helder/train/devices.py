"""Where a training computes and with which kernels: the one place that knows of processors and GPUs."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from helder.errors import HelderError
from helder.model.kernels import use_onednn
from helder.model.transformer import AttentionKernel, Transformer
from helder.train.settings import TrainSettings

# Explicit attention is faster than torch's for the short sequences of narrow tasks on a processor (docs/log.md); its
# memory grows with the square of the length.
LONGEST_EXPLICIT = 512


def choose(settings: TrainSettings) -> torch.device:
    """The device that the settings name, made to give the same bits each time.

    Raises:
        HelderError: there is no such device here.
    """
    use_onednn(settings.numerics == "portable")
    if settings.device == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise HelderError(
            "This training is set to a GPU, and torch finds none.",
            f"torch {torch.__version__}, built for CUDA {torch.version.cuda or 'never'}.",
            'Install a build of torch for the GPU, or say device = "cpu" in [train].',
        )
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.enable_cudnn_sdp(False)  # its way back gives other bits each time (torch's notes on randomness)
    torch.use_deterministic_algorithms(True)  # CUBLAS_WORKSPACE_CONFIG: helder.train.settings.environment
    place, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()  # torchrun numbers the processes
    if place >= there:
        raise HelderError(
            f"This training has {settings.processes} processes on this machine, and torch finds {there} GPUs.",
            "Each process needs a GPU of its own.",
            f"Say processes = {there} in [train].",
        )
    torch.cuda.set_device(place)
    return torch.device("cuda", place)


def attention(device: torch.device, longest: int) -> AttentionKernel:
    """The kernel of attention for sequences of at most `longest` tokens.

    On a GPU "flex", which skips what a packed document does not see where torch's own kernels would compute and hide
    it; rows of one document take torch's kernels there too.
    """
    if device.type == "cuda":
        return "flex"
    return "explicit" if longest <= LONGEST_EXPLICIT else "sdpa"


def frozen(folder: Path, settings: TrainSettings) -> Transformer:
    """A model that is only asked while another is trained, held in the dtype of its matrix products."""
    compute = torch.bfloat16 if settings.precision == "bf16" else torch.float32
    device = choose(settings)
    model = Transformer.from_folder(folder, attention=attention(device, settings.context))
    model.to(device).requires_grad_(False)
    model.mixed_precision(compute)
    for module in model.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Embedding):
            module.to(compute)
    return model


def compile_blocks(model: Transformer) -> None:
    """Compile the blocks, each in place. Other bits than without; the same bits each time on the same machine.

    Raises:
        HelderError: there is no C++ compiler.
    """
    from torch._inductor.cpp_builder import get_cpp_compiler

    if next(model.parameters()).device.type == "cpu":
        try:
            get_cpp_compiler()
        except Exception as error:  # torch's own class of error has changed its place between versions
            raise HelderError(
                "The blocks cannot be compiled.", str(error).splitlines()[0], "Install g++, or leave out `compile`."
            ) from error
    for block in model.model.layers:
        block.compile(dynamic=False)
