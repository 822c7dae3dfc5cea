"""The planning protocols by name."""

from __future__ import annotations

from drive.eval.openloop.admlp import ADMLP, ADMLP_VERBATIM
from drive.eval.openloop.agentdriver import AGENTDRIVER_STP3, AGENTDRIVER_UNIAD
from drive.eval.openloop.bevplanner import BEVPLANNER
from drive.eval.openloop.exact import EXACT
from drive.eval.openloop.lightemma import LIGHTEMMA
from drive.eval.openloop.protocol import Protocol
from drive.eval.openloop.sparsedrive import SPARSEDRIVE
from drive.eval.openloop.stp3 import STP3
from drive.eval.openloop.uniad import UNIAD, UNIAD_STP3
from drive.eval.openloop.vad import VAD

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        EXACT,
        UNIAD,
        UNIAD_STP3,
        VAD,
        STP3,
        BEVPLANNER,
        SPARSEDRIVE,
        ADMLP,
        ADMLP_VERBATIM,
        AGENTDRIVER_UNIAD,
        AGENTDRIVER_STP3,
        LIGHTEMMA,
    )
}
