"""Views of a group of runs in W&B: a saved view of a workspace, and a report."""

from typing import Any

from seqrec.config.kinds import KINDS

FACTORS = ("model", *(kind.name for kind in KINDS if kind.charted))  # keys of ``choices`` to chart


def workspace(*, entity: str, project: str, group: str | None, metric: str) -> Any:
    """Build a workspace view of one group or all runs: results, learning curves, costs.

    Args:
        entity: user or team.
        project: project of the runs.
        group: group of the runs; None: all.
        metric: a validation and test metric, such as ``ndcg@10``.

    Returns:
        A ``wandb_workspaces.workspaces.Workspace``; nothing is sent before it is saved.
    """
    import wandb_workspaces.workspaces as ws

    return ws.Workspace(
        entity=entity,
        project=project,
        name=f"seqrec {group or 'all runs'}",
        sections=[
            ws.Section(name=name, panels=panels, is_open=True)
            for name, panels in _sections(metric).items()
        ],
        settings=ws.WorkspaceSettings(x_axis="epoch", max_runs=50),
        runset_settings=ws.RunsetSettings(
            filters=ws.And(ws.Metric("Group") == group) if group else "",
            groupby=[ws.Config("choices.model")],
            order=[ws.Ordering(ws.Summary(f"test/{metric}"), ascending=False)],
            pinned_columns=[f"summary:test/{metric}", f"summary:valid/{metric}"],
        ),
    )


def report(*, entity: str, project: str, group: str | None, metric: str) -> Any:
    """Build a report of the same runs that compares factors one by one.

    Args are those of :func:`workspace`; returns a ``wandb_workspaces.reports.v2.Report``.
    """
    import wandb_workspaces.reports.v2 as wr

    def runs(by: str) -> Any:
        return wr.Runset(
            entity=entity,
            project=project,
            name=group or "all runs",
            filters=f"Metric('Group') == {group!r}" if group else "",
            groupby=[f"config.choices.{by}"],
        )

    blocks: list[Any] = [
        wr.TableOfContents(),
        wr.P(
            f"Runs of {group or 'the whole project'}, judged by test {metric} with full ranking. "
            "Each run's summary has its protocol. Compare only runs with the same data_hash."
        ),
    ]
    for name, panels in _sections(metric).items():
        blocks += [wr.H2(name), wr.PanelGrid(runsets=[runs("model")], panels=panels)]
    for factor in FACTORS:
        bar = wr.BarPlot(
            title=f"test {metric} by {factor}",
            metrics=[f"test/{metric}"],
            groupby=wr.Config(f"choices.{factor}"),
            groupby_aggfunc="mean",
            groupby_rangefunc="stddev",
        )
        blocks += [wr.H2(f"By {factor}"), wr.PanelGrid(runsets=[runs(factor)], panels=[bar])]
    title = f"seqrec: {group or 'all runs'}"
    return wr.Report(entity=entity, project=project, title=title, blocks=blocks, width="fluid")


def _sections(metric: str) -> dict[str, list[Any]]:
    """Return panels by the name of their section."""
    import wandb_workspaces.reports.v2 as wr

    test = wr.SummaryMetric(f"test/{metric}")
    return {
        "Results": [
            wr.BarPlot(
                title=f"test {metric}, mean and sd",
                metrics=[f"test/{metric}"],
                groupby=wr.Config("choices.model"),
                groupby_aggfunc="mean",
                groupby_rangefunc="stddev",
            ),
            wr.ScatterPlot(title="quality and time", x=wr.SummaryMetric("fit_seconds"), y=test),
            wr.ScatterPlot(
                title="quality and size", x=wr.SummaryMetric("parameters"), y=test, log_x=True
            ),
        ],
        "Learning curves": [
            wr.LinePlot(title=f"validation {metric}", x="epoch", y=[f"valid/{metric}"]),
            wr.LinePlot(title="training loss", x="Step", y=["train/loss"]),
        ],
        "Settings": [wr.RunComparer(diff_only="split")],
    }
