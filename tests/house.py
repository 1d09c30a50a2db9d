"""An installation without any job; nothing is ever loaded in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spinbot.actors.host import weights_digest
from spinbot.config import Settings
from spinbot.graphs.check import parse
from spinbot.media import portraits
from spinbot.models.catalogue import load_catalogue
from spinbot.models.store import ModelStore
from spinbot.planner.past import Past
from spinbot.planner.preview import Preview, preview
from spinbot.store import database as db
from spinbot.store.artifacts import LocalArtifacts
from spinbot.store.database import connect


class House:
    """Stores in a folder, and the shipped portrait in them."""

    def __init__(self, home: Path, **settings: Any) -> None:
        self.settings = Settings(home=home, **settings)
        self.artifacts = LocalArtifacts(self.settings.artifacts_dir)
        self.models = ModelStore(self.settings.models_dir, load_catalogue())
        self.database = connect(self.settings.database)
        self.portrait = self.artifacts.put_bytes(portraits.path("demo").read_bytes())

    def remember(self, found: Preview, **outputs: dict[str, Any]) -> None:
        """Store results under the keys that a preview computed, as jobs would."""
        keys = {node.node: node.key for node in found.nodes}
        with self.database.begin() as connection:
            for name, values in outputs.items():
                row = {"key": keys[name], "outputs": values, "created": 0.0}
                connection.execute(db.results.insert().values(**row))

    def preview(self, document: dict[str, Any], **options: Any) -> Preview:
        return preview(
            parse(document, artifacts=self.artifacts, settings=self.settings),
            settings=self.settings,
            jobs=self.database,
            artifacts=self.artifacts,
            weights=lambda slot, engine: weights_digest(self.models, slot, engine),
            catalogue=self.models.catalogue,
            past=Past(),
            **options,
        )
