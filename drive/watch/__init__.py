"""Whether a planner can see: exact checks and a small learned judgement of an observation, corruptions to test them with, and what to do
instead of driving on (docs/degraded.md).

    Observation --checks (cameras, times, speed, frozen pictures), looks (features of pictures) + weights--> Degraded
"""
