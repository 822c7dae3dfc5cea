"""Records of any sources: `drive pack` writes them (`pack`), drives that are one stay in one split (`drives`)."""
