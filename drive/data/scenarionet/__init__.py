"""ScenarioNet files (`*.pkl`): recorded scenes of several data sets in one format, with maps and without pictures."""
