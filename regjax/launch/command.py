"""Runs the command and explains its errors: one message, one exit code."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from traceback import walk_tb

from regjax.config import explain, options_first
from regjax.errors import RefusedError, StoppedError
from regjax.files import outlive_readers
from regjax.launch import loader
from regjax.launch.callback import BorderCheck, jobs_done

FULL_ERROR = "HYDRA_FULL_ERROR"
# An error of these launchers means that a job's process died.
LAUNCHERS = ("joblib", "submitit", "ray")
# Hydra reads these characters as text without quotes.
PLAIN = re.compile(r"[A-Za-z0-9_/.:@%+,*|?-]+")

# A run is determined by its settings.
DIVERGES_AGAIN = "Such a run would diverge again: lower optimizer.learning_rate."


def run_command(main: Callable[[], object], conf: Path) -> int:
    """Calls Hydra's main and gives the exit code. `conf` is the folder of the configuration.

    HYDRA_FULL_ERROR makes Hydra raise its errors instead of printing them. `run_command` explains them. A
    user who sets the variable sees tracebacks.
    """
    wants_traceback = FULL_ERROR in os.environ
    os.environ.setdefault(FULL_ERROR, "1")
    outlive_readers()
    BorderCheck.composed = None
    try:
        sys.argv[1:] = options_first(sys.argv[1:])
        main()
    except StoppedError as error:
        print(error, file=sys.stderr)
        return 128 + error.number
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (RefusedError, Exception) as raised:
        cause: BaseException = raised.args[0] if isinstance(raised, RefusedError) else raised
        message = _message(cause, conf)
        if wants_traceback or not message:
            raise cause from cause.__cause__ or cause.__context__
        print(f"error: {message}", file=sys.stderr)
        return 1
    finally:
        if not wants_traceback:
            os.environ.pop(FULL_ERROR, None)
    return 0


def _message(error: BaseException, conf: Path) -> str:
    """The message for the user, or "" for a bug in the program."""
    if type(error).__module__.partition(".")[0] in LAUNCHERS:
        reason = str(error).strip().partition("\n")[0]
        return f"a job's process ended by itself ({type(error).__name__}: {reason}).{jobs_done()}"
    modules = [frame.f_globals["__name__"] for frame, _ in walk_tb(error.__traceback__)]
    own = [name for name in modules if name.startswith("regjax.") and name != __name__]
    composed = bool(own) and own[-1] != loader.__name__  # the loader calls Hydra to compose a job
    return explain(error, sys.argv[1:], conf, composed=composed)


def command_again(*settings: str) -> str:
    """This process's command with other `key=value` settings. The values in `settings` have no quotes."""
    keys = tuple(setting.partition("=")[0] + "=" for setting in settings)
    kept = [argument for argument in sys.argv[1:] if not argument.startswith(keys)]
    return shlex.join([*program(), *kept, *map(_as_override, settings)])


def program() -> list[str]:
    """The words that start this process's command: `python train.py`, `python -m regjax` or `regjax`."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return ["python", "-m", started.parent.name]
    if started.suffix == ".py":
        return ["python", sys.argv[0]]
    return [started.name if shutil.which(started.name) else sys.argv[0]]


def _as_override(setting: str) -> str:
    """A setting in Hydra's syntax. The value gets quotes if Hydra would not read it as text without them."""
    key, _, value = setting.partition("=")
    if PLAIN.fullmatch(value) and "," not in value:
        return setting
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{key}="{escaped}"'
