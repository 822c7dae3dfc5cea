"""The parts of tools/make_mini.py: roads and motion, pictures, tables."""
