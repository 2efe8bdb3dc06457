"""A run whose directory holds one already: the same one goes on; another only where that is asked for."""

from collections.abc import Mapping
from typing import Any

from regjax import checkpoint, records, runs, training
from regjax.errors import UserError, invalid, shown
from regjax.lanes import stacked
from regjax.manifests import STATES, DamagedError
from regjax.states import States
from regjax.types import Run


def going_on(run: Run, summary: Mapping[str, Any]) -> Run:
    """The run that goes on where `summary`, of its directory, stands.

    With `checkpointing.allow_changes` it may have other settings than before: each such change is kept in
    `changes`, and its identity is that of no run which had one configuration all along. Raises `UserError`
    where it must not or cannot go on.
    """
    earlier = tuple(summary.get("changes", ()))
    if summary["identity"] == run.identity:
        return run
    if earlier and earlier[-1]["asked"] == run.identity:
        return run._replace(identity=summary["identity"], changes=earlier)
    changed = _changed(run, summary)
    told = "; ".join(f"{key} was {shown(was)}, is {shown(now)}" for key, (was, now) in changed.items())
    refusal = f"hydra.run.dir={run.directory}: it holds another run ({told})"
    asked = run.config["checkpointing.allow_changes"]
    if summary["status"] in runs.ENDED:
        ended = f", and it is {summary['status']}: only what was cut off goes on" if asked else ""
        raise UserError(f"{refusal}{ended}. Name another directory.")
    if not asked:
        raise UserError(
            f"{refusal}. Name another directory; or go on from its saved state with these settings, on "
            "record, by checkpointing.allow_changes=true."
        )
    run = run._replace(changes=earlier)
    change = {
        "after_epoch": _epoch_to_go_on_from(run, summary, refusal),
        "changed": changed,
        "identity": summary["identity"],
        "asked": run.identity,
    }
    changes = (*earlier, change)
    return run._replace(identity=runs.identity_of_parts([run.identity, changes]), changes=changes)


def _changed(run: Run, summary: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Each setting that differs, with what it was and is; where none does, it is the kind of device."""
    old = summary["config"] | {part: summary.get(part) for part in ("fingerprint", "versions")}
    new = run.config | run.hidden | {"fingerprint": run.fingerprint, "versions": runs.versions()}
    differing = {key: (old.get(key), new[key]) for key in new if old.get(key) != new[key]}
    return {key: pair for key, pair in differing.items() if runs.is_decisive(key)} or {"device": ("", "")}


def _epoch_to_go_on_from(run: Run, summary: Mapping[str, Any], refusal: str) -> int:
    """The epoch of the newest saved state. Raises `UserError` where this run cannot go on from it."""
    states = States(run.directory / STATES)
    saved = states.newest(run._replace(identity=summary["identity"]))
    if saved is None:
        raise UserError(f"{refusal}, and no state of it is saved to go on from. Name another directory.")
    try:
        checkpoint.check_lanes(saved.folder, training.blank_lanes(stacked([run.numerics]), spec=run.spec))
    except DamagedError as error:
        raise UserError(f"{refusal}, and its state does not fit: {error}.") from None
    columns = records.columns(run.spec)
    if saved.epoch >= run.config["trainer.epochs"]:
        allowed = f"its state is after epoch {saved.epoch} already; give more"
        raise invalid("trainer.epochs", run.config["trainer.epochs"], allowed)
    if runs.metrics_columns(run.directory) != columns:
        raise UserError(f"{refusal}, and {runs.METRICS} would have other columns: {', '.join(columns)}.")
    return saved.epoch
