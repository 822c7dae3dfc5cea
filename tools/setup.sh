#!/bin/sh
# `make setup`: .venv with the packages that constraints.txt pins, and the `drive` command. A second call installs nothing.
#
#   PYTHON       the interpreter to build on, 3.11 or 3.12 (default: .venv's, else python3)
#   TORCH        default: torch from the package index (on Linux the build that uses a GPU); cpu: from PyTorch's CPU index
#   TORCH_INDEX  another index to take torch and torchvision from: a mirror, or one of a certain CUDA version
#
# Choices are kept: after `make setup TORCH=cpu`, a plain `make test` leaves torch as it is.
set -eu
cd "$(dirname "$0")/.."
venv=.venv/bin/python
stamp=.venv/setup-choices
cpu_index=https://download.pytorch.org/whl/cpu

refuse() {
    printf 'make setup: %s\n' "$@" >&2
    exit 2
}

interpreter_version() { # asked with -c: the oldest Python understands this question
    "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || true
}

supported() {
    case "$1" in 3.11.* | 3.12.*) return 0 ;; *) return 1 ;; esac
}

choose_python() { # sets python and version, or refuses by name before anything is installed
    python=${PYTHON:-}
    if [ -z "$python" ] && supported "$(interpreter_version "$venv")"; then python=$venv; fi
    python=${python:-python3}
    version=$(interpreter_version "$python")
    [ -n "$version" ] || refuse "'$python' does not run as a Python interpreter." \
        "Needed: Python 3.11 or 3.12. Name one: make setup PYTHON=python3.12"
    supported "$version" || refuse_version
    "$python" -c 'import ensurepip, venv' 2>/dev/null || refuse "'$python' (Python $version) lacks the modules venv and ensurepip." \
        "Add them (Debian and Ubuntu: the package python3-venv) or name another interpreter: make setup PYTHON=python3.12"
}

refuse_version() {
    for other in python3.12 python3.11; do
        if supported "$(interpreter_version "$other")"; then
            refuse "'$python' is Python $version; needed: Python 3.11 or 3.12." "$other is here. Type: make setup PYTHON=$other"
        fi
    done
    refuse "'$python' is Python $version; needed: Python 3.11 or 3.12." "Install one, then name it: make setup PYTHON=python3.12"
}

choose_torch() { # sets index, where torch comes from; empty: the package index, like everything else
    case "${TORCH:-}" in
        cpu) index=${TORCH_INDEX:-$cpu_index} ;;
        default) index=${TORCH_INDEX:-} ;;
        '') index=${TORCH_INDEX:-$(sed -n 's/^torch_index=//p' "$stamp" 2>/dev/null || true)} ;;
        *) refuse "TORCH=$TORCH is not known; needed: default or cpu. Type: make setup TORCH=cpu" ;;
    esac
}

base() { # what an environment cannot change once it is made
    printf 'python=%s\ntorch_index=%s\nfolder=%s\n' "${version%.*}" "$index" "$PWD"
}

choices() {
    base
    cat pyproject.toml constraints.txt tools/setup.sh | cksum
}

same_base() {
    [ "$(base)" = "$(head -n 3 "$stamp" 2>/dev/null)" ] && return
    # One made by hand is brought up to date, not thrown away.
    [ ! -f "$stamp" ] && [ -z "$index" ] && [ "$python" = "$venv" ]
}

new_venv() {
    [ "$python" != "$venv" ] || python=$("$venv" -c 'import sys; print(sys._base_executable)')
    echo "make setup: new .venv, Python $version"
    "$python" -m venv --clear .venv
    [ -n "$index" ] || nvidia-smi -L >/dev/null 2>&1 || echo "make setup: no NVIDIA GPU seen; 'make setup TORCH=cpu' takes torch's smaller CPU build"
}

pip_install() {
    PIP_USER=0 "$venv" -m pip install --disable-pip-version-check $quiet -c constraints.txt "$@"
}

install() {
    [ -x "$venv" ] && same_base || new_venv
    base > "$stamp" # no checksum yet: an interrupted installation goes on where it was
    echo "make setup: installing the packages of constraints.txt (minutes and gigabytes where they are not cached)"
    [ -z "$index" ] || pip_install --no-deps --no-warn-conflicts --index-url "$index" torch torchvision
    pip_install setuptools
    # Builds with the pinned setuptools. By its path, not by an import hook: that loses to any folder of this name beside a user's script.
    pip_install --no-build-isolation -e '.[dev]' --config-settings editable_mode=compat
    "$venv" tools/check_setup.py
    choices > "$stamp"
    # What the first drive and the first plan would compile; they do so themselves where this fails.
    [ ! -d drive/sim ] || { echo "make setup: compiling the simulator, once: half a minute to a minute"; "$venv" -m drive.sim.warm || true; }
    [ ! -d drive/decode ] || "$venv" -m drive.decode.warm || true
}

quiet=
[ -t 1 ] || quiet=-qq # errors still show
unset PYTHONPATH PYTHONHOME
choose_torch
choose_python
[ "$(choices)" = "$(cat "$stamp" 2>/dev/null)" ] || install
