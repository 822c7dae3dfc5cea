"""A truth file: what is known of a data set's samples without pictures and maps, small enough to hand on: poses and boxes.

    drive truth DATA truth.npz; drive eval truth.npz --plans plans.json

One .npz without pickle; every number as it is, so that scores are those of the data set to the last bit. Arrays, of S scenes, N key
frames and B boxes in the order of scenes and key frames (positions in the world frame, metres):

    truth_version [] 1; scene, location [S] text; annotated [S] whether somebody looked for agents; scene_frames [S] key frames of
    each; spacing_s [S]
    token [N] text; timestamp_us [N]; world_from_ego [N, 4, 4]; mount [N] row in mounts, -1 = no LiDAR; mounts [M, 4, 4] ego_from_lidar
    instance [I] text and category [I] row in categories [C] text, instances counted scene by scene: scene_instances [S]
    box_frame [B] key frame, box_instance [B] row in instance; box_centre, box_forward, box_size [B, 3] (length, width, height);
    box_velocity [B, 3] m/s, NaN = unknown; box_points (-1 = unknown), box_visibility (0 = unknown) [B]
"""

from drive.data.truth.read import is_truth, read_truth
from drive.data.truth.write import write_truth

__all__ = ["is_truth", "read_truth", "write_truth"]
