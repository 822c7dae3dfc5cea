"""Records: samples of any source in one format for training, which `drive pack` writes and `open_dataset` reads.

    RECORDS/
      records.json       version, window, requests, sources, drives of each split, and of every file its size and SHA-256
      index.parquet      a row a sample: where it lies in which shard, and what one chooses samples by
      train-000000.tar   a WebDataset shard: the members of one sample stand together, their names begin alike
        train-000000-0000.json             the sample: calibration, ego, target, messages (`sample`)
        train-000000-0000.0.cam_front.jpg  frame 0's picture of CAM_FRONT, the file as it was

Arrays in the JSON are lists where they are short, else {"dtype", "shape", "base64"} of their bytes (`values`): every number comes back
to the bit. A shard is written whole; `records.json` comes last, so that a folder without it is one whose packing was cut off.
"""
