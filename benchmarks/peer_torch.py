"""Times one notebook's protocol in PyTorch, with an eager loop over tensors in memory."""

import time

from protocols import (
    ADAM_EPSILON,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_PIXELS,
    PROTOCOLS,
    Split,
    peer_arguments,
    read_split,
    require,
    write_result,
)

if __name__ == "__main__":
    require("torch")

import torch
from torch import nn

EVALUATION_BATCH = 1000


def build_network(hidden_sizes: tuple[int, ...], dropout: float) -> nn.Sequential:
    """The network, initialised as in Keras: Glorot-uniform weights, zero biases."""
    layers: list[nn.Module] = []
    fan_in = NUM_PIXELS
    for size in hidden_sizes:
        layers += [nn.Linear(fan_in, size), nn.ReLU()]
        if dropout > 0:
            layers.append(nn.Dropout(dropout))
        fan_in = size
    layers.append(nn.Linear(fan_in, NUM_CLASSES))
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def train_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    batch_size: int,
) -> tuple[float, float]:
    """Trains an epoch. Returns the mean loss and accuracy during training: Keras computes these too."""
    network.train()
    loss_sum, correct = 0.0, 0
    for indices in torch.randperm(len(inputs)).split(batch_size):
        targets = labels[indices]
        optimizer.zero_grad()
        logits = network(inputs[indices])
        loss = nn.functional.cross_entropy(logits, targets)
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(indices)
        correct += (logits.argmax(1) == targets).sum().item()
    return loss_sum / len(inputs), correct / len(inputs)


@torch.no_grad()
def evaluate(network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    network.eval()
    loss_sum, correct = 0.0, 0
    for batch, targets in zip(inputs.split(EVALUATION_BATCH), labels.split(EVALUATION_BATCH), strict=True):
        logits = network(batch)
        loss_sum += nn.functional.cross_entropy(logits, targets, reduction="sum").item()
        correct += (logits.argmax(1) == targets).sum().item()
    return loss_sum / len(inputs), correct / len(inputs)


def fit(network: nn.Module, split: Split, batch_size: int, epochs: int) -> dict[str, list[float]]:
    inputs, labels, validation_inputs, validation_labels = map(torch.from_numpy, split)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, eps=ADAM_EPSILON)
    names = ("epoch_seconds", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
    history: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(epochs):
        start = time.perf_counter()
        trained = train_epoch(network, optimizer, inputs, labels, batch_size)
        validated = evaluate(network, validation_inputs, validation_labels)
        row = (time.perf_counter() - start, *trained, *validated)
        for name, value in zip(names, row, strict=True):
            history[name].append(value)
    return history


def main() -> None:
    arguments = peer_arguments(__doc__)
    protocol = PROTOCOLS[arguments.protocol]
    split = read_split(arguments.data, protocol)
    torch.manual_seed(arguments.seed)
    network = build_network(protocol.hidden_sizes, arguments.dropout)
    history = fit(network, split, protocol.batch_size, arguments.epochs)
    write_result(
        arguments,
        peer="pytorch",
        versions={"torch": torch.__version__},
        settings={"threads": torch.get_num_threads()},
        **history,
    )


if __name__ == "__main__":
    main()
