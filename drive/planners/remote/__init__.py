"""Planners that run in an environment of their own, asked over a pipe or HTTP: the protocol is in docs/own-planner.md.

`drive_client.py` is the file that users copy beside their planner: frames, messages, serving and asking, for Python 3.7 without
dependencies. What `drive` asks with (`planner`, over `process` or `web`) and serves with (`serving`) uses the same frames.
"""
