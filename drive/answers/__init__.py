"""The types of answers, a file each; the plan's stands in `drive.schema`. Places are in the ego frame of t0: metres, radians, m/s."""
