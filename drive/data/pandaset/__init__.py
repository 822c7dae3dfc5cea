"""The PandaSet adapter: a folder of sequences in its own layout -> scenes.

    frames (pickles of tables, by an allow-list) -> cuboids;   files (JSON) -> cameras;   sequences: a `SceneLog` each
"""
