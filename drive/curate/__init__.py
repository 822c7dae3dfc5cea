"""Curation: which records to learn from and how often, as decisions that stand beside them; no pixel is written again.

    RECORDS --facts (a record at a time, by workers)--> facts --passes (a file each)--> findings --> curation.parquet, page

What costs is measured once and kept (`facts`); passes are functions of it, so that another recipe is judged in seconds.
"""
