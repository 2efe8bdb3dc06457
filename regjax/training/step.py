"""One training step: the objective of a batch, its gradient and the update."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from regjax.training import evaluation, model
from regjax.training.optimizers import learning_rate, optimizer
from regjax.training.penalties import penalties
from regjax.training.spec import Numerics, StaticSpec
from regjax.training.state import DeviceData, Rows, TrainState, Variables


def step(
    dropout_key: Key[Array, ""],
    state: TrainState,
    batch: Int[Array, " batch"],
    *,
    numerics: Numerics,
    rows: Rows,
    data: DeviceData,
    spec: StaticSpec,
) -> tuple[TrainState, tuple[Float[Array, ""], dict[str, Float[Array, ""]]]]:
    """Updates the parameters once; also returns the objective and its ledger before the update."""
    inputs, labels = evaluation.batch_inputs(data, rows, batch), data.labels[batch]
    key = jax.random.fold_in(dropout_key, state.step)

    def objective(params: Any) -> tuple[Float[Array, ""], tuple[dict[str, Float[Array, ""]], Any]]:
        variables = Variables(params, state.variables.batch_stats)
        logits, batch_stats = model.train_logits(key, variables, inputs, numerics, spec=spec)
        terms = penalties(params, numerics.strengths, active=spec.active, biases=spec.penalize_biases)
        ledger = {"data": evaluation.data_losses(logits, labels).mean(), **terms}
        return sum(ledger.values(), jnp.zeros(())), (ledger, batch_stats)

    params = state.variables.params
    (loss, (ledger, batch_stats)), gradient = jax.value_and_grad(objective, has_aux=True)(params)
    rate = learning_rate(state.step, numerics, steps_per_epoch=spec.train_rows // spec.batch_size, spec=spec)
    updates, new_optimizer = optimizer(rate, numerics, spec=spec).update(gradient, state.optimizer, params)
    params = jax.tree.map(lambda param, update: param + update, params, updates)
    state = state._replace(
        variables=Variables(params, batch_stats), optimizer=new_optimizer, step=state.step + 1
    )
    return state, (loss, ledger)
