"""The nuScenes adapter: a folder in its format -> samples; no other module sees rows of its tables.

    index (rows out of the JSON files) -> tables -> scenes (a `SceneLog` each) -> dataset (samples)
    maps, expansion: `Target.map`;   can_bus: the ego's own motion

One convention is ours: a row of calibrated_sensor may carry "camera_model": "pinhole" (also where it is absent) or "fisheye",
and "camera_distortion", in OpenCV's order: of a pinhole 4, 5 or 8 coefficients (Brown-Conrady), of a fisheye 4 (Kannala-Brandt). A
row without them is a pinhole camera that does not distort, as everywhere in nuScenes.
"""
