"""Last step of `make setup`: the heavy packages import, and torch uses the GPU where there is one."""

from __future__ import annotations

import platform
import subprocess
import sys

from drive.model.torchvision_shim import ensure_torchvision


def gpus() -> list[str]:
    """The NVIDIA GPUs that the driver names, one string each; empty where there is no driver."""
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line for line in listing.stdout.splitlines() if line.startswith("GPU")]


def main() -> None:
    """Print what was installed, and a warning where a GPU is present that torch cannot use."""
    import cv2
    import torch

    ensure_torchvision()
    import timm

    uses = "GPU" if torch.cuda.is_available() else "CPU"
    print(
        f"make setup: ready. Python {platform.python_version()}, torch {torch.__version__} on the {uses}, timm {timm.__version__}, "
        f"OpenCV {cv2.__version__}; the command is .venv/bin/drive"
    )
    present = gpus()
    if present and not torch.cuda.is_available():
        print(
            f"make setup: warning: torch {torch.__version__} (CUDA {torch.version.cuda}) does not use {present[0]}; "
            "see 'nvidia-smi' for the CUDA version of the driver and take torch from that index: make setup TORCH_INDEX=...",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
