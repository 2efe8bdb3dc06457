"""Selects devices, checks their precision, and sets up the cache of compiled programs."""

import os
from contextlib import suppress
from pathlib import Path

import jax

from regjax.data.cache import FOLDER_REMEDY
from regjax.errors import UserError, invalid

COUNT_FLAG = "xla_force_host_platform_device_count"
EXTRAS = {"gpu": "pip install -e '.[cuda]'", "tpu": "pip install -e '.[tpu]'"}


def prepare_devices(platform: str, cache_dir: str, jobs: int) -> list[jax.Device]:
    """Selects the platform and returns the devices that `jobs` jobs can use. Caches programs in `cache_dir`.

    It divides a CPU into one device for each core, but into no more devices than jobs: one network fills a
    core, and more cores do not make it faster. Raises `UserError` if the platform is absent.
    """
    _cache_programs(Path(cache_dir).expanduser() / "jax")
    _divide_cpu(min(jobs, cores()))
    return _devices(platform)[:jobs]


def cores() -> int:
    """The number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _divide_cpu(count: int) -> None:
    """Asks JAX for `count` CPU devices, unless the user has set their number by a flag or a variable."""
    by_variable = jax.config.jax_num_cpu_devices != -1  # type: ignore[attr-defined]
    if by_variable or COUNT_FLAG in os.environ.get("XLA_FLAGS", ""):
        return
    with suppress(RuntimeError):  # an earlier sweep of this process has started JAX, and its devices stay
        jax.config.update("jax_num_cpu_devices", count)


def check_precision(precision: str, device: jax.Device) -> None:
    """Raises `UserError` if the device cannot compute matrix products at this precision."""
    if precision == "tf32" and device.platform != "gpu":
        allowed = f"tf32 needs a GPU, and this run is on {device.platform}; use float32 or bfloat16"
        raise invalid("precision", precision, allowed)


def _devices(platform: str) -> list[jax.Device]:
    if platform == "cpu":
        jax.config.update("jax_platforms", "cpu")  # so that JAX does not initialise a GPU
    try:
        return jax.local_devices(backend=None if platform == "auto" else platform)
    except (RuntimeError, AssertionError) as error:  # AssertionError: the platform's plugin is missing
        install = f"; if this machine has one: {EXTRAS[platform]}" if platform in EXTRAS else ""
        reason = str(error).partition("\n")[0]
        allowed = f"JAX {jax.__version__} finds none here ({reason}){install}"
        raise invalid("platform", platform, allowed) from error


def _cache_programs(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"cache_dir={folder.parent}: cannot be written ({error.strerror})."
        raise UserError(f"{reason} {FOLDER_REMEDY}") from None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # regjax's few programs take seconds each. The many small programs at the start are worth caching too.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
