"""Records what PyTorch 2.14 computes: `python tests/techniques/recorded/passes.py`, where torch is installed.

A small network with tanh in float64: gradients of objectives with extra passes, an average of weights with
batch norm's statistics, and reductions of a learning rate. The tests compare ours with `passes.json`.
"""

import json
import warnings
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax

torch.set_default_dtype(torch.float64)
ROWS, FEATURES, UNITS, CLASSES = 6, 4, 5, 3


def network(generator):
    shapes = (FEATURES, UNITS), (UNITS,), (UNITS, CLASSES), (CLASSES,)
    return [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]


def logits(params, inputs, mask=1.0):
    kernel, bias, last, last_bias = params
    return (torch.tanh(inputs @ kernel + bias) * mask) @ last + last_bias


def numbers(tensors):
    return [tensor.detach().tolist() for tensor in tensors]


def passes(generator):
    """The objectives of input gradients, R-Drop and FGSM, each with its gradient."""
    params = network(generator)
    inputs = torch.randn((ROWS, FEATURES), generator=generator)
    labels = torch.arange(ROWS) % CLASSES
    masks = [2.0 * (torch.rand((ROWS, UNITS), generator=generator) < 0.5) for _ in range(2)]

    def input_gradient():
        given = inputs.clone().requires_grad_()
        losses = cross_entropy(logits(params, given), labels, reduction="none")
        (slope,) = torch.autograd.grad(losses.sum(), given, create_graph=True)
        return losses.mean() + 0.7 * slope.square().sum(1).mean()

    def r_drop():
        one, two = (logits(params, inputs, mask) for mask in masks)
        p, q = log_softmax(one, 1), log_softmax(two, 1)
        both = kl_div(p, q, log_target=True, reduction="sum") + kl_div(q, p, log_target=True, reduction="sum")
        return (cross_entropy(one, labels) + cross_entropy(two, labels)) / 2 + 0.7 * both / 2 / ROWS

    def fgsm():
        given = inputs.clone().requires_grad_()
        (slope,) = torch.autograd.grad(cross_entropy(logits(params, given), labels), given)
        attack = inputs + 0.3 * slope.sign()
        return (
            cross_entropy(logits(params, inputs), labels) + cross_entropy(logits(params, attack), labels)
        ) / 2

    found = {"params": numbers(params), "inputs": inputs.tolist(), "masks": numbers(masks)}
    for objective in (input_gradient, r_drop, fgsm):
        loss = objective()
        gradient = torch.autograd.grad(loss, params)
        found[objective.__name__] = {"loss": loss.item(), "gradient": numbers(gradient)}
    return found


def averaged(generator):
    """The mean of weights, and batch norm's statistics under it by `update_bn` (its variance is unbiased)."""
    model = torch.nn.Sequential(torch.nn.Linear(FEATURES, UNITS, bias=False), torch.nn.BatchNorm1d(UNITS))
    mean = torch.optim.swa_utils.AveragedModel(model)
    kernels = []
    for _ in range(3):
        kernels.append(torch.randn((UNITS, FEATURES), generator=generator))
        model[0].weight.data = kernels[-1].clone()
        mean.update_parameters(model)
    batches = torch.randn((4, ROWS, FEATURES), generator=generator)
    torch.optim.swa_utils.update_bn(batches, mean)
    layer, norm = mean.module
    return {
        "kernels": [kernel.T.tolist() for kernel in kernels],
        "batches": batches.tolist(),
        "kernel": layer.weight.T.tolist(),
        "mean": norm.running_mean.tolist(),
        "var": (norm.running_var * (ROWS - 1) / ROWS).tolist(),
    }


def plateau():
    """Learning rates after each epoch. PyTorch waits for one epoch more than its patience."""
    losses = [1.0, 0.9, 0.95, 0.9, 0.91, 0.85, 0.86, 0.87, 0.88, 0.89, 0.84, 0.9, 0.9, 0.9, 0.9]
    rates = {}
    for patience in (1, 2, 4):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.5, patience=patience - 1, threshold=0.0
        )
        rates[patience] = []
        for loss in losses:
            schedule.step(loss)
            rates[patience].append(optimizer.param_groups[0]["lr"])
    return {"losses": losses, "rates": rates}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    seeded = torch.Generator().manual_seed(0)
    found = {"passes": passes(seeded), "averaged": averaged(seeded), "plateau": plateau()}
    Path(__file__).with_suffix(".json").write_text(json.dumps(found) + "\n")
