"""The device that is asked for, the precision it offers, and the cache of compiled programs."""

from pathlib import Path

import jax

from regjax.errors import UserError, invalid

EXTRAS = {"gpu": "pip install -e '.[cuda]'", "tpu": "pip install -e '.[tpu]'"}


def prepare(platform: str, cache_dir: str) -> jax.Device:
    """Selects the platform and returns its first device. Compiled programs are kept below `cache_dir`.

    Raises `UserError` where the platform is absent.
    """
    _cache_programs(Path(cache_dir).expanduser() / "jax")
    return _device(platform)


def check_precision(precision: str, device: jax.Device) -> None:
    """Raises `UserError` where the device cannot compute products at the asked precision."""
    if precision == "tf32" and device.platform != "gpu":
        allowed = f"tf32 is a GPU's; this run is on {device.platform}: use float32 or bfloat16"
        raise invalid("precision", precision, allowed)


def _device(platform: str) -> jax.Device:
    if platform == "auto":
        return jax.devices()[0]
    if platform == "cpu":
        jax.config.update("jax_platforms", "cpu")  # a present GPU is then not even initialised
    try:
        return jax.devices(platform)[0]
    except RuntimeError:
        present = jax.default_backend()
        remedy = (
            f"; where this machine has one, {EXTRAS[platform]} lets JAX see it" if platform in EXTRAS else ""
        )
        message = f"JAX {jax.__version__} finds none here (it finds: {present}){remedy}"
        raise invalid("platform", platform, message) from None


def _cache_programs(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cache_dir={folder.parent}: cannot be written ({error.strerror}). "
            "Name another folder with cache_dir=FOLDER or the environment's REGJAX_CACHE_DIR."
        ) from None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # Our programs are few and worth seconds each; the many small ones of start-up are worth keeping too.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
