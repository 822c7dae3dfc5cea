"""Agent-Driver's evaluation (USC-GVL/Agent-Driver 3ea566e), the lineage of GPT-Driver, OpenDriveVLA and FSDrive.

* `agentdriver-uniad`: UniAD's occupancy and flags, the value at the step, every key frame (missing futures count as 0);
* `agentdriver-stp3`: ST-P3's occupancy and flags, means up to each horizon.

The occupancy file published for the second is called "stp3", and "vad" in OpenDriveVLA; where it is VAD's raster, the `vad`
protocol is the one to compare with. The numbers here equal `uniad` and `stp3` by construction; they are separate
protocols because results are published under these names.
"""

from __future__ import annotations

from dataclasses import replace

from drive.eval.openloop.stp3 import STP3
from drive.eval.openloop.uniad import UNIAD

SOURCE = "USC-GVL/Agent-Driver 3ea566e"
AGENTDRIVER_UNIAD = replace(UNIAD, name="agentdriver-uniad", source=SOURCE)
AGENTDRIVER_STP3 = replace(STP3, name="agentdriver-stp3", source=SOURCE)
