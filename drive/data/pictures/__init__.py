"""Own pictures as a data set: a folder of synchronised pictures, or a video for each camera, with the rig's file.

    pictures/
      rig.yaml             the cameras, where they stand on the car (`drive.data.rig_files`; `drive rig new` writes a first one)
      CAM_FRONT/0001.jpg   a folder for each camera, or names that begin with the camera's (CAM_FRONT_0001.jpg), or CAM_FRONT.mp4
      poses.csv            where the car was (may be absent)
      motion.csv           speed, acceleration, yaw rate, command (may be absent)

`find` finds a camera's pictures and their times, `tables` reads the CSV files, `dataset` makes samples of them. Nothing is known there
of what is around: targets hold the recorded drive where poses tell it, and nothing else.
"""
