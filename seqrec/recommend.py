"""Answers from a trained run: what comes after these items, for sessions never seen in training."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import torch

from seqrec.build import build_baseline, build_model, build_source
from seqrec.config.schema import Root
from seqrec.errors import DataError, RunError
from seqrec.experiment.folder import RunFolder
from seqrec.model import CountedModel, SequenceModel
from seqrec.ranking.rank import rank_targets
from seqrec.store.prepare import prepare
from seqrec.types import Facts, Ranked

Model = SequenceModel | CountedModel


@dataclass(frozen=True)
class Recommendation:
    """A list, and how it came about."""

    items: pl.DataFrame  # rank, item, title, score; best first
    history: pl.DataFrame  # item, title, attention: what the model saw, oldest first
    unknown: list[str]  # given ids that the catalogue doesn't have


class Recommender:
    """A trained run, ready to answer.

    Args:
        model: with its trained weights.
        catalogue: index (from 1), item, title (may be null) and candidate: whether training saw
            the item, so that it can be recommended.
        config: the run's configuration.
        data_hash: of the data that it was trained on.
    """

    def __init__(
        self,
        *,
        model: Model,
        catalogue: pl.DataFrame,
        config: Root,
        data_hash: str,
    ) -> None:
        self.model, self.config, self.data_hash = model.eval(), config, data_hash
        self.allowed_V = torch.tensor([True, *catalogue["candidate"]])
        self.items = catalogue["item"].to_list()
        self.titles = catalogue["title"].fill_null(catalogue["item"]).to_list()
        self.index = {item: i for i, item in enumerate(self.items, start=1)}

    @classmethod
    def load(cls, run: str | Path) -> "Recommender":
        """Read the folder of a run; its data isn't needed.

        Raises:
            RunError: the folder is not that of a trained run, or it is damaged.
        """
        folder = RunFolder.open(run)
        config, about = folder.config(), folder.about()
        build = build_model if config.baseline is None else build_baseline
        model: Model = build(config, Facts(**about["facts"]))
        prefix = "model."
        weights = {
            key.removeprefix(prefix): value
            for key, value in folder.weights().items()
            if key.startswith(prefix)
        }
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            raise RunError(
                "the checkpoint doesn't fit config.yaml",
                where=str(folder.path),
                todo="bring back the config.yaml that the run wrote",
            ) from error
        return cls(
            model=model,
            catalogue=folder.read_table("catalogue.parquet"),
            config=config,
            data_hash=about["data_hash"],
        )

    @torch.no_grad()
    def recommend(
        self, items: list[str], *, k: int = 10, mask_seen: bool | None = None
    ) -> Recommendation:
        """The `k` best items to follow a history.

        Args:
            items: original ids, oldest first; those the catalogue doesn't have are left out.
            k: length of the list.
            mask_seen: leave the history's own items out; None: as in the run's evaluation.

        Raises:
            DataError: no known item is left, or k isn't positive.
        """
        if k < 1:
            raise DataError(f"k={k}: a list has at least one item", todo="give k=10, say")
        unknown = [item for item in items if item not in self.index]
        history = [self.index[item] for item in items if item in self.index]
        if not history:
            example = ", ".join(self.items[:3])
            raise DataError(
                f"none of the {len(items)} items is in the run's catalogue",
                where=f"items={','.join(items[:5])}",
                todo=f"give original ids, like {example}",
            )
        seen = torch.tensor(sorted(set(history)))
        latest = torch.tensor([history[-self.config.max_length :]])
        length_B = torch.tensor([latest.shape[1]])
        mask = self.config.evaluation.mask_seen if mask_seen is None else mask_seen
        catalogue: Ranked = self.model.catalogue()
        query = self.model.query(latest, length_B, self.allowed_V)
        ranking = rank_targets(
            query,
            catalogue,
            latest[:, -1],
            k=min(k, len(self.items)),
            seen_row_P=torch.zeros_like(seen) if mask else None,
            seen_item_P=seen if mask else None,
            allowed_V=self.allowed_V,
        )
        top = ranking.top_BK[0][ranking.top_BK[0] > 0]
        scores = catalogue.score_shared(query, top)[0]
        weights = self.model.attention(latest, length_B, self.allowed_V)[0]
        return Recommendation(
            self._table(top.tolist(), score=scores.tolist()),
            self._table(latest[0].tolist(), attention=weights.tolist()),
            unknown,
        )

    def history(self, user: str) -> list[str]:
        """The whole history of a user of the run's data, oldest first.

        Raises:
            DataError: the data doesn't have this user, or can't be read any more.
            RunError: the data has changed.
        """
        source = build_source(self.config)
        store = prepare(source, self.config.prepare, Path(self.config.paths.cache_dir))
        if store.data_hash != self.data_hash:
            raise RunError(
                "the data isn't what the run was trained on",
                where=f"{self.data_hash[:12]} then, {store.data_hash[:12]} now ({store.name})",
                todo="give items='[...]' instead, or train a new run",
            )
        users = store.users()
        found = users.filter(pl.col("user") == user)["index"]
        if found.is_empty():
            example = ", ".join(users["user"][:3])
            raise DataError(
                f"{store.name} has no user {user!r} (after filtering)",
                todo=f"name one like {example}, or give items='[...]'",
            )
        start, end = store.offset[found[0]], store.offset[found[0] + 1]
        return [self.items[i - 1] for i in store.item[start:end].tolist()]

    def _table(self, indices: list[int], **columns: list[float]) -> pl.DataFrame:
        names = {
            "rank": range(1, len(indices) + 1),
            "item": [self.items[i - 1] for i in indices],
            "title": [self.titles[i - 1] for i in indices],
        }
        return pl.DataFrame({**names, **columns})
