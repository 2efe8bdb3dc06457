"""One training step: the objective of a batch, its gradient and the update."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from regjax.techniques import hooks
from regjax.techniques.batches import Batch
from regjax.techniques.passes import Keys, Ledger, Pass
from regjax.techniques.penalties import Seen, dense_biases, penalized
from regjax.techniques.schedules import Strengths, strengths_at
from regjax.training import evaluation, model
from regjax.training.optimizers import learning_rate, optimizer
from regjax.training.spec import Numerics, StaticSpec
from regjax.training.state import DeviceData, Rows, TrainState, Variables


def step(
    keys: Keys,
    state: TrainState,
    batch: Int[Array, " batch"],
    *,
    numerics: Numerics,
    rows: Rows,
    data: DeviceData,
    initial: PyTree,
    spec: StaticSpec,
) -> tuple[TrainState, tuple[Float[Array, ""], Ledger]]:
    """Updates the parameters once. Also returns the objective and its ledger before the update.

    `initial` has the parameters before the first step, or nothing if no technique reads them.
    """
    strengths = current_strengths(state.step, numerics, spec=spec)
    keys = {name: jax.random.fold_in(key, state.step) for name, key in keys.items()}
    given = Batch(evaluation.batch_inputs(data, rows, batch), data.labels[batch])
    examples = hooks.transformed(
        keys, given, strengths, num_classes=spec.num_classes, image_shape=spec.image_shape
    )

    def objective(params: PyTree, examples: Batch, keys: Keys) -> tuple[Float[Array, ""], Pass]:
        variables = Variables(params, state.variables.batch_stats)
        logits, batch_stats, activations = model.train_logits(
            keys, variables, examples.inputs, strengths, numerics, spec=spec
        )
        weights, start = (penalized(each, biases=spec.penalize_biases) for each in (params, initial))
        seen = Seen(weights, logits, examples.targets, dense_biases(params), activations, start)
        data_loss = evaluation.data_losses(logits, examples.targets).mean()
        ledger = {"data": data_loss, **hooks.loss_terms(seen, strengths)}
        return sum(ledger.values(), jnp.zeros(())), Pass(ledger, batch_stats, logits)

    params = state.variables.params
    descended = jax.value_and_grad(hooks.with_extra_passes(objective, strengths), has_aux=True)
    (loss, (ledger, batch_stats, _)), gradient = descended(params, examples, keys)
    rate = learning_rate(state.step, numerics, spec=spec)
    rate = rate if state.plateau is None else rate * state.plateau.scale
    chain = optimizer(rate, numerics, strengths, spec=spec)
    updates, new_optimizer = chain.update(gradient, state.optimizer, params, keys=keys, step=state.step)
    params = jax.tree.map(lambda param, update: param + update, params, updates)
    variables = Variables(hooks.projected(params, strengths, rate), batch_stats)
    averages, variables = hooks.averaged(state.averages, variables, strengths)
    state = state._replace(
        variables=variables, optimizer=new_optimizer, averages=averages, step=state.step + 1
    )
    return state, (loss, ledger)


def current_strengths(step: Int[Array, ""], numerics: Numerics, *, spec: StaticSpec) -> Strengths:
    """The strengths after `step` steps, by their schedules over all epochs of the run."""
    if not spec.schedules:
        return numerics.strengths
    steps = numerics.epochs * spec.steps_per_epoch
    progress = step.astype(numerics.optimizer.learning_rate.dtype) / steps
    return strengths_at(progress, numerics.strengths, schedules=spec.schedules)
