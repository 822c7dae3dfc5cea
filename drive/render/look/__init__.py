"""How a world looks: textures of a seed, the mesh of what stands still, the mesh of what moves."""

from drive.render.look.actors import ActorModels, actor_mesh, actor_models, ego_mesh
from drive.render.look.static import static_mesh
from drive.render.look.textures import textures

__all__ = ["ActorModels", "actor_mesh", "actor_models", "ego_mesh", "static_mesh", "textures"]
