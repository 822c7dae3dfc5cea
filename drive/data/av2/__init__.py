"""The Argoverse 2 sensor adapter: a folder of logs -> scenes.

    feather (tables) -> logs (a `SceneLog` each);   cameras: pictures on disk;   maps: the vector map -> `RoadMap`

The tables are read by pyarrow (`pip install 'drive[argoverse]'`).
"""
