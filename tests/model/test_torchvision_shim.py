"""torchvision imports whether or not its builds match torch's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from drive.model.torchvision_shim import SCHEMAS, ensure_torchvision

# Stands in for torchvision beside another build of torch: its operators were never registered, yet it describes them.
MISMATCHED = """
import torch
from torchvision import extension
for name in {names}:
    torch.library.register_fake("torchvision::" + name)(lambda *a: None)
"""
SCRIPT = """
import sys
from drive.model.torchvision_shim import ensure_torchvision
try:
    print(ensure_torchvision(), ensure_torchvision(), sys.modules["torchvision"].extension.loads)
except Exception as error:
    print(type(error).__name__, error)
"""


def _import_beside(folder: Path, package: str) -> str:
    """What ensure_torchvision() says in a fresh interpreter that finds this package as torchvision."""
    (folder / "torchvision").mkdir()
    (folder / "torchvision/__init__.py").write_text(package)
    (folder / "torchvision/extension.py").write_text("import torch\ntorch.loads = loads = getattr(torch, 'loads', 0) + 1\n")
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_declares_what_is_missing_and_imports_afresh(tmp_path: Path) -> None:
    assert _import_beside(tmp_path, MISMATCHED.format(names=["nms", "qnms"])) == "('nms', 'qnms') () 3"


def test_matched_build_is_left_alone(tmp_path: Path) -> None:
    assert _import_beside(tmp_path, "from torchvision import extension") == "() () 1"


@pytest.mark.parametrize(
    ("package", "message"),
    [
        (MISMATCHED.format(names=["nms", "unheard_of"]), "RuntimeError operator torchvision::unheard_of does not exist"),
        ("raise RuntimeError('CUDA major versions differ')", "RuntimeError CUDA major versions differ"),
        ("import no_such_module", "ModuleNotFoundError No module named 'no_such_module'"),
    ],
)
def test_other_failures_are_passed_on(tmp_path: Path, package: str, message: str) -> None:
    assert _import_beside(tmp_path, package).startswith(message)


def test_timm_runs_on_the_installed_builds() -> None:
    ensure_torchvision()
    assert ensure_torchvision() == ()
    import timm

    network = timm.create_model("mobilenetv4_conv_small_035", pretrained=False, num_classes=5).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 5)


def test_schemas_are_torchvisions_own() -> None:
    ensure_torchvision()
    import torchvision

    if not torchvision.extension._has_ops():
        pytest.skip("the installed torchvision is of another build than torch: its operators do not load")
    for name, schema in SCHEMAS.items():
        assert str(getattr(torch.ops.torchvision, name).default._schema) == f"torchvision::{schema}"


def test_torchs_compiler_comes_with_its_first_use_and_not_before() -> None:
    """Half the time of loading a planner is the import of what few planners use."""
    code = (
        "import sys, drive, torch\n"
        "drive.load_planner('first-drive')\n"
        "early = 'torch._dynamo' in sys.modules\n"
        "roi_align = sys.modules['torchvision.ops.roi_align']\n"
        "print(early, roi_align.is_compile_supported('cpu') in (True, False), 'torch._dynamo' in sys.modules)\n"
        "print(torch.compile(lambda x: x + 1, backend='eager')(torch.ones(1)).item())\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, cwd=root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False", "True", "True", "2.0"]
