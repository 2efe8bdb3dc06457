"""Calls that are given up, and commands that a signal ends during their imports."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from regjax.sweep.signals import call_unless_given_up
from tests.small import ROOT

# Gives up a call and ends the process.
LEAVES = """
import threading, time
from regjax.sweep.signals import leave, call_unless_given_up
give_up = threading.Event()
give_up.set()
print(call_unless_given_up(lambda: {call}, give_up))
leave(143)
"""
BLOCKS = "print('importing', flush=True)\nimport time\ntime.sleep(60)\n"


def test_a_call_gives_what_it_returns_and_raises_what_it_raises():
    assert call_unless_given_up(lambda: 7, threading.Event()) == 7
    with pytest.raises(ZeroDivisionError):
        call_unless_given_up(lambda: 1 / 0, threading.Event())


@pytest.mark.parametrize(("call", "printed"), [("time.sleep(60)", "None\n"), ("'ended'", "ended\n")])
def test_a_process_ends_by_its_code_and_waits_for_no_call(call, printed):
    done = subprocess.run(
        [sys.executable, "-c", LEAVES.format(call=call)], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (143, printed, "")


@pytest.mark.parametrize("module", ["report", "predict", "verify"])
def test_ctrl_c_while_a_command_is_imported_ends_it_without_a_traceback(tmp_path, module):
    (tmp_path / "argparse.py").write_text(BLOCKS)  # the first that each imports
    process = subprocess.Popen(
        [sys.executable, "-m", f"regjax.{module}"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (-signal.SIGINT, "")
