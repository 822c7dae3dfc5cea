"""The Waymo end-to-end (WOD-E2E) adapter: tfrecord shards of `E2EDFrame` messages -> samples.

shards (which record is which frame) -> messages (one record) -> dataset: a `SceneSample` a frame;  checked: `drive check`

Each frame tells its own past and future, in its own ego frame, and nothing tells where it is in a world: there are no scenes as wholes.
"""
