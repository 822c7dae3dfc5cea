"""The OpenScene adapter, whose logs NAVSIM drives: pickles of frame dictionaries (read by an allow-list, nothing is run) -> scenes.

find (which files are logs) -> frames (one log's frames, checked) -> logs: a `SceneLog` each

The layout is that of OpenScene's `create_openscene_metadata.py` (OpenDriveLab/OpenScene, DriveEngine/process_data).
"""
