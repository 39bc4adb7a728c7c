"""From a recipe to a SceneSpec: people, places, camera, light, props. Pure numpy."""
