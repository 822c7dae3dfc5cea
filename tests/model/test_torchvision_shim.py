"""torchvision imports whether or not its builds match torch's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from drive.model.torchvision_shim import SCHEMAS, ensure_torchvision

ROOT = Path(__file__).resolve().parents[2]

# Stands in for torchvision beside another build of torch: its operators were never registered, yet it describes them.
MISMATCHED = """
import torch
from torchvision import extension
for name in {names}:
    torch.library.register_fake("torchvision::" + name)(lambda *a: None)
"""
# Each folder in a process of its own, which shares the import of torch with the others.
SCRIPT = """
import os, sys
import torch
from drive.model.torchvision_shim import ensure_torchvision
for folder in sys.argv[1:]:
    if os.fork() == 0:
        sys.path.insert(0, folder)
        try:
            print(ensure_torchvision(), ensure_torchvision(), sys.modules["torchvision"].extension.loads)
        except Exception as error:
            print(type(error).__name__, str(error).replace("\\n", " "))
        break
    os.wait()
"""
# What stands in for torchvision, and how what ensure_torchvision() says beside it begins.
BESIDE = {
    "missing operators are declared and it is imported afresh": (MISMATCHED.format(names=["nms", "qnms"]), "('nms', 'qnms') () 3\n"),
    "a matched build is left alone": ("from torchvision import extension", "() () 1\n"),
    "a strange operator is passed on": (
        MISMATCHED.format(names=["nms", "unheard_of"]),
        "RuntimeError operator torchvision::unheard_of does not exist",
    ),
    "another error is passed on": ("raise RuntimeError('CUDA major versions differ')", "RuntimeError CUDA major versions differ"),
    "a missing module is passed on": ("import no_such_module", "ModuleNotFoundError No module named 'no_such_module'"),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What ensure_torchvision() says in a process that finds this package as torchvision."""
    folders = []
    for package, _ in BESIDE.values():
        folders.append(tmp_path_factory.mktemp("beside"))
        (folders[-1] / "torchvision").mkdir()
        (folders[-1] / "torchvision/__init__.py").write_text(package)
        (folders[-1] / "torchvision/extension.py").write_text("import torch\ntorch.loads = loads = getattr(torch, 'loads', 0) + 1\n")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    call = [sys.executable, "-c", SCRIPT, *map(str, folders)]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return dict(zip(BESIDE, done.stdout.splitlines(keepends=True), strict=True))


@pytest.mark.parametrize("case", BESIDE)
def test_beside_other_builds(case: str, said: dict[str, str]) -> None:
    assert said[case].startswith(BESIDE[case][1])


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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False", "True", "True", "2.0"]
