"""The planning protocols by name."""

from __future__ import annotations

from drive.eval.planning.admlp import ADMLP, ADMLP_VERBATIM
from drive.eval.planning.agentdriver import AGENTDRIVER_STP3, AGENTDRIVER_UNIAD
from drive.eval.planning.bevplanner import BEVPLANNER
from drive.eval.planning.exact import EXACT
from drive.eval.planning.lightemma import LIGHTEMMA
from drive.eval.planning.protocol import Protocol
from drive.eval.planning.sparsedrive import SPARSEDRIVE
from drive.eval.planning.stp3 import STP3
from drive.eval.planning.uniad import UNIAD, UNIAD_STP3
from drive.eval.planning.vad import VAD

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
