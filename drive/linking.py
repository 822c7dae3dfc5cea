"""A numba pipeline for functions that compiled functions alone call. What is written of them is linked into each caller and becomes
machine code there; numba's own pipeline would optimise every one of them for itself as well, and make machine code that nobody runs.

It leans on numba's inner parts, hence the upper bound of numba in `pyproject.toml`.
"""

from __future__ import annotations

from typing import Any

from numba import _dynfunc  # type: ignore[attr-defined]
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.typed_passes import NativeLowering


class _Unloaded(JITCodeLibrary):
    """Code on its way into its callers' libraries, which optimise it in full: here it is merely tidied, and loaded nowhere."""

    def _optimize_final_module(self) -> None:
        passes, builder = self._codegen._module_pass_manager(loop_vectorize=False, slp_vectorize=False, opt=0, cost="cheap")
        passes.run(self._final_module, builder)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):  # type: ignore[misc]
    """numba's, into an `_Unloaded` library; what Python gets of the function is a name for it that cannot be called."""

    _name = "linked_lowering"

    def run_pass(self, state: Any) -> bool:
        state.library = _Unloaded(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        state.library.finalize()
        made = state["cr"]
        handle = _dynfunc.make_function(made.fndesc.lookup_module(), made.fndesc.qualname, "", 0, made.env, (state.library,))
        state.targetctx.insert_user_function(handle, made.fndesc, [state.library])
        state["cr"] = made._replace(cfunc=handle)
        return True


class Linked(CompilerBase):  # type: ignore[misc]
    """numba's pipeline with that lowering."""

    def define_pipelines(self) -> list[Any]:
        usual, passes = DefaultPassBuilder.define_nopython_pipeline(self.state), PassManager("linked")
        passes.passes = [(_Lowering if step is NativeLowering else step, text) for step, text in usual.passes]
        passes.finalize()
        return [passes]
