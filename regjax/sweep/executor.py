"""Trains many runs on all devices, each device in a thread of its own."""

import threading
from collections.abc import Collection, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import jax

from regjax.runs.run import Run
from regjax.runs.states import States
from regjax.sweep.queue import Schedule, Summaries, Watcher
from regjax.sweep.worker import Worker

# In seconds. Signals are handled in the main thread, which one that another thread was given does not wake.
WAKES_EVERY = 0.2


def train_runs(
    waiting: Sequence[Run],
    devices: Sequence[jax.Device],
    watcher: Watcher,
    states: States,
    stop: threading.Event,
    give_up: threading.Event,
    *,
    lanes: int | None,
    stop_at: Collection[str],
) -> Summaries:
    """Trains runs to their ends and returns their summaries by directory.

    A run goes on from its state in `states`. `lanes` is the number of runs in one program (None: chosen by
    device kind and memory). A run that raises has status `failed` and a reason. `stop`, or the first run that
    ends with a status of `stop_at`, interrupts all others. `give_up` ends the wait for calls on a device.
    """
    schedule = Schedule(waiting, devices, watcher, stop, give_up, lanes=lanes, stop_at=stop_at)
    with ThreadPoolExecutor(len(devices)) as pool:
        working = {pool.submit(Worker(schedule, states, device).work) for device in devices}
        try:
            while working:
                done, working = wait(working, timeout=WAKES_EVERY, return_when=FIRST_EXCEPTION)
                for worker in done:
                    worker.result()
        except BaseException:
            stop.set()
            raise
    schedule.interrupt_the_rest()
    return schedule.summaries
