"""Resumes the run that a folder holds. It accepts other settings only if the user asks for it."""

from collections.abc import Mapping
from typing import Any

from regjax.errors import UserError, invalid, shown
from regjax.launch.finished import tell_finished
from regjax.saved import checkpoint, records
from regjax.saved.directory import ENDED, METRICS
from regjax.saved.identity import as_computed, identity_of_parts, is_decisive, versions
from regjax.saved.manifest import STATES, DamagedError
from regjax.saved.metrics import metrics_columns
from regjax.saved.run import Run
from regjax.saved.states import States
from regjax.saved.summary import refuse_other_version
from regjax.sweep.lanes import stacked
from regjax.training import program


def resumed(run: Run, summary: dict[str, Any] | None) -> tuple[Run, dict[str, Any] | None]:
    """The run as it goes on from the `summary` in its folder, and the summary if the run is done.

    Raises `UserError` if the folder holds a run that cannot go on with these settings.
    """
    if summary is None:
        return run, None
    refuse_other_version(run.directory, summary)
    run = _continued(run, summary)
    if summary["status"] != "done":
        return run, None
    tell_finished(run.directory, summary, run.config)
    return run, summary


def _continued(run: Run, summary: Mapping[str, Any]) -> Run:
    """The run with its identity from now on.

    With `checkpointing.allow_changes` its settings may differ from before. `changes` records each change. The
    identity then includes the changes, so it differs from the identity of every unchanged run.
    """
    earlier = tuple(summary.get("changes") or ())
    if summary["identity"] == run.identity:
        return run
    if earlier and earlier[-1]["asked"] == run.identity:
        return run._replace(identity=summary["identity"], changes=earlier)
    changed = _changed(run, summary)
    listed = "; ".join(f"{key} was {shown(was)}, is {shown(now)}" for key, (was, now) in changed.items())
    refusal = f"hydra.run.dir={run.directory}: it holds another run ({listed})"
    asked = run.config["checkpointing.allow_changes"]
    if summary["status"] in ENDED:
        ended = f", and it is {summary['status']}; only a run that was cut off can go on" if asked else ""
        raise UserError(f"{refusal}{ended}. Name another folder.")
    if not asked:
        raise UserError(
            f"{refusal}. Name another folder. Or add checkpointing.allow_changes=true: the run then goes on "
            "from its saved state with these settings, and regjax records the change."
        )
    epoch = _epoch_to_go_on_from(run._replace(changes=earlier), summary, refusal)
    identities = {"identity": summary["identity"], "asked": run.identity}
    changes = (*earlier, {"after_epoch": epoch, "changed": changed, **identities})
    return run._replace(identity=identity_of_parts([run.identity, changes]), changes=changes)


def _changed(run: Run, summary: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The old and the new value of each setting that differs. If none differs, the kind of device does."""
    old = summary["config"] | {part: summary.get(part) for part in ("fingerprint", "versions")}
    new = run.config | run.written | {"fingerprint": run.fingerprint, "versions": versions()}
    pairs = {key: (old.get(key), new[key]) for key in new if is_decisive(key)}
    differing = {key: pair for key, pair in pairs.items() if as_computed(pair[0]) != as_computed(pair[1])}
    return differing or {"device": ("", "")}


def _epoch_to_go_on_from(run: Run, summary: Mapping[str, Any], refusal: str) -> int:
    """The epoch of the newest saved state. Raises `UserError` if this run cannot go on from it."""
    states = States(run.directory / STATES)
    saved = states.newest(run._replace(identity=summary["identity"]))
    if saved is None:
        raise UserError(f"{refusal}, and it has no saved state to go on from. Name another folder.")
    try:
        checkpoint.check_lanes(saved.folder, program.blank_lanes(stacked([run.numerics]), spec=run.spec))
    except DamagedError as error:
        raise UserError(f"{refusal}, and its state does not fit: {error}.") from None
    columns = records.columns(run.spec)
    if saved.epoch >= run.config["trainer.epochs"]:
        allowed = f"the saved state is after epoch {saved.epoch}; give more epochs"
        raise invalid("trainer.epochs", run.config["trainer.epochs"], allowed)
    if metrics_columns(run.directory) != columns:
        raise UserError(f"{refusal}, and {METRICS} would need other columns: {', '.join(columns)}.")
    return saved.epoch
