"""Trains many runs on all devices, with one thread for each device."""

import threading
from collections.abc import Collection, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import jax

from regjax.saved.run import Run
from regjax.saved.states import States
from regjax.sweep.queue import Schedule, Summaries, Watcher
from regjax.sweep.worker import Worker

# Python handles signals in the main thread. A signal that arrives in another thread does not wake it.
POLL_SECONDS = 0.2


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
    """Trains runs to their ends and returns their summaries by folder.

    A run resumes from its state in `states`. `lanes` is the number of runs in one program (None: the kind of
    device and its memory decide). A run that raises has the status `failed` and a reason. Setting `stop`
    interrupts all runs. So does the first run that ends with a status in `stop_at`. Setting `give_up` ends
    the wait for calls on a device.
    """
    schedule = Schedule(waiting, devices, watcher, stop, give_up, lanes=lanes, stop_at=stop_at)
    with ThreadPoolExecutor(len(devices)) as pool:
        working = {pool.submit(Worker(schedule, states, device).work) for device in devices}
        try:
            while working:
                done, working = wait(working, timeout=POLL_SECONDS, return_when=FIRST_EXCEPTION)
                for worker in done:
                    worker.result()
        except BaseException:
            stop.set()
            raise
    schedule.interrupt_waiting()
    return schedule.summaries
