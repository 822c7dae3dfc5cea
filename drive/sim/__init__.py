"""The world without cameras: towns, recorded scenes, traffic, an expert, closed loop."""


def register_environments() -> None:
    """Makes `gymnasium.make("drive/Town-v0")` and `"drive/Log-v0"` known; gymnasium calls it (pyproject's entry point)."""
    from gymnasium.envs.registration import register, registry

    for name, entry in (("drive/Town-v0", "drive.sim.env:TownEnv"), ("drive/Log-v0", "drive.sim.env:LogEnv")):
        if name not in registry:
            register(name, entry_point=entry)
