"""From the folder of a run to a bundle."""

from collections.abc import Sequence
from pathlib import Path

from seqrec.catalogue import Catalogue
from seqrec.config.trust import Trust
from seqrec.export.child import captured_apart
from seqrec.export.graph import exportable
from seqrec.export.tables import write_catalogue, write_context, write_int8, write_vectors
from seqrec.export.write import check_out, whole, write_manifest
from seqrec.recommend.recommender import Recommender
from seqrec.run.folder import RunFolder


def export(
    run: str | Path,
    out: Path,
    *,
    kind: str = "onnx",
    trust: bool = False,
    searchpath: Sequence[str] = (),
) -> None:
    """Export a run; on failure, nothing is left of the bundle.

    Args:
        run: the folder of a trained run.
        out: the folder to write, which isn't there yet.
        kind: the format of the model.
        trust: import and call whatever the run names.
        searchpath: folders of modules that the run may name.
    """
    check_out(out)
    folder = RunFolder.open(run, Trust.given(trust=trust, searchpath=searchpath))
    recommender = Recommender.of(folder)
    model = exportable(recommender.model)
    with whole(out) as part:
        catalogue = recommender.catalogue
        assert isinstance(catalogue, Catalogue)
        write_vectors(catalogue, part)
        write_int8(part)
        table = folder.read_table("catalogue.parquet")
        write_catalogue(table, recommender.config.evaluation.category, part)
        context = write_context(recommender.events, model.wanted, part)
        inputs = captured_apart(folder.path, part, kind, trust=trust, searchpath=searchpath)
        write_manifest(part, folder, recommender, kind=kind, inputs=inputs, context=context)
