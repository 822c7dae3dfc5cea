"""Open-loop planning protocols on nuScenes-format data: one module per family, over one batch type."""
